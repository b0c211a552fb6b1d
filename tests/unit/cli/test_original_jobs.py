import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.cli.original_jobs import Fate, Unfinished, fate, inputs, read_jobs
from orchestrator.errors import OriginalUnreadableError
from tests.original import STATUSES, Original

FILES = {"run.sh": b"true\n", "data": b"x"}


@pytest.fixture
def original(tmp_path: Path) -> Original:
    return Original(tmp_path / "original")


def only(original: Original, unfinished: Unfinished = "run") -> Fate:
    (job,) = read_jobs(original.database, original.data)
    return fate(job, unfinished)


def test_a_job_is_read_with_its_time_and_its_directory_wherever_it_was(
    original: Original,
) -> None:
    number = original.job("queued", FILES)

    (job,) = read_jobs(original.database, original.data)

    assert (job.number, job.user, job.service) == (number, "7", "echo")
    assert job.directory == original.directory(number)
    assert job.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_job_without_a_sensible_time_has_none(original: Original) -> None:
    original.job("queued", created_at="yesterday")
    (job,) = read_jobs(original.database, original.data)
    assert job.created_at is None


@pytest.mark.parametrize(
    ("status", "became"),
    [
        ("failed", Fate(state="failed", files="directory")),
        ("invalid", Fate(state="invalid", files="directory")),
        ("killed", Fate(state="cancelled", files="directory")),
        ("locked", Fate(state="cancelled", files="directory")),
        ("cleaned", Fate(state="cleaned")),
        ("completed", Fate(state="cleaned", reason="results_missing")),
        ("queued", Fate(state="queued", files="inputs")),
        ("processing", Fate(state="queued", files="inputs")),
        ("submitted", Fate(state="queued", files="inputs")),
        ("prepared", Fate(state="queued", files="inputs")),
        ("running", Fate(state="queued", files="inputs")),
        (
            "unknown",
            Fate(state="failed", reason="imported_unfinished", files="directory"),
        ),
        (
            "new-word",
            Fate(state="failed", reason="imported_unfinished", files="directory"),
        ),
    ],
)
def test_each_status_becomes_a_state_of_ours(
    original: Original, status: str, became: Fate
) -> None:
    original.job(status, FILES)
    assert only(original) == became


def test_every_status_of_the_original_is_thought_of(original: Original) -> None:
    for status in STATUSES:
        original.job(status, FILES)
    jobs = read_jobs(original.database, original.data)
    reasons = [fate(job, "run").reason for job in jobs]
    assert reasons.count("imported_unfinished") == 1  # unknown


def test_a_completed_job_comes_with_its_archive(original: Original) -> None:
    original.job("completed", FILES | {"output.zip": b"zip"})
    assert only(original) == Fate(state="completed", files="archive")


@pytest.mark.parametrize("status", ["queued", "running"])
def test_what_was_not_over_can_be_recorded_as_failed(
    original: Original, status: str
) -> None:
    original.job(status, FILES)
    assert only(original, "fail") == Fate(
        state="failed", reason="imported_unfinished", files="directory"
    )


def test_what_has_no_directory_any_more_cannot_run(original: Original) -> None:
    original.job("queued")
    assert only(original) == Fate(state="failed", reason="imported_unfinished")


@pytest.mark.parametrize(("status", "count"), [("queued", 3), ("running", 2)])
def test_half_fetched_results_are_no_inputs_but_a_users_file_of_that_name_is(
    original: Original, status: str, count: int
) -> None:
    original.job(status, FILES | {"output.zip": b"zip"})
    (job,) = read_jobs(original.database, original.data)
    assert len(inputs(job)) == count


def test_a_directory_that_leads_out_of_the_data_is_not_looked_at(
    original: Original,
) -> None:
    number = original.job("queued", FILES)
    connection = sqlite3.connect(original.database)
    with connection:
        connection.execute("UPDATE jobs SET loc = '/opt/data/..'")
    connection.close()

    (job,) = read_jobs(original.database, original.data)

    assert job.number == number
    assert not job.directory.exists()


def test_a_database_of_something_else_is_one_clear_error(tmp_path: Path) -> None:
    other = tmp_path / "payloads.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE payloads (id INTEGER)")
    connection.close()
    with pytest.raises(OriginalUnreadableError, match="no such table: jobs"):
        read_jobs(other, tmp_path)
    other.write_text("no database at all, though it is long enough" * 9)
    with pytest.raises(OriginalUnreadableError, match="no database of the original"):
        read_jobs(other, tmp_path)


def test_a_path_that_is_not_there_is_one_clear_error(
    original: Original, tmp_path: Path
) -> None:
    with pytest.raises(OriginalUnreadableError, match="no such file"):
        read_jobs(tmp_path / "absent", original.data)
    with pytest.raises(OriginalUnreadableError, match="no such directory"):
        read_jobs(original.database, tmp_path / "absent")
