"""A stopped original's jobs, brought over to running processes of ours."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from orchestrator.domain.events import JobImported
from tests.acceptance.processes import Command
from tests.acceptance.site import Site, eventually
from tests.original import STATUSES, Original, results

SERVICES = "[services.echo]\n"
SCRIPT = b"cat data > out.txt\n"
INPUTS = {"run.sh": SCRIPT, "data": b"42\n"}
RESULTS = {"run.sh": SCRIPT, "out/": b"", "out/result.txt": b"42\n"}
WORDS = {
    "completed": "Completed",
    "failed": "Failed",
    "invalid": "Invalid",
    "killed": "Killed",
    "locked": "Killed",
    "cleaned": "Cleaned",
    "unknown": "Failed",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    site = Site(tmp_path_factory.mktemp("site"), SERVICES)
    try:
        site.start_server()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Return one with a job in each status, and one whose results are gone."""
    directory = tmp_path_factory.mktemp("original")
    original = Original(directory / "installed")
    archive = results(directory, RESULTS)
    for status in STATUSES:
        files = INPUTS | ({"output.zip": archive} if status == "completed" else {})
        original.job(status, None if status == "cleaned" else files)
    original.job("completed", INPUTS | {"output.zip": b"half a zi"})
    return original


def command(site: Site, original: Original, *more: str) -> Any:
    """Return the summary of an import."""
    run = Command(
        {"PATH": os.defpath, "JOB_ORCHESTRATOR_URL": site.url}, cwd=site.directory
    )
    paths = ("--db", str(original.database), "--data", str(original.data))
    done = run("import-original", *paths, "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def status_of(site: Site, number: int) -> httpx.Response:
    return httpx.get(f"{site.url}/download/{number}", trust_env=False)


def imported(site: Site) -> list[JobImported]:
    return [
        recorded.event
        for _, recorded in site.log()
        if isinstance(recorded.event, JobImported)
    ]


def test_every_job_of_the_original_is_brought_over_once(
    site: Site, original: Original, tmp_path: Path
) -> None:
    before = sorted(path.name for path in original.data.rglob("*"))
    expected = {"completed": 1, "failed": 2, "invalid": 1, "cancelled": 2}
    expected |= {"cleaned": 2, "queued": 5}

    foreseen = command(site, original, "--dry-run")
    assert (foreseen["found"], foreseen["imported"]) == (13, expected)
    assert imported(site) == []

    summary = command(site, original)
    assert (summary["found"], summary["imported"]) == (13, expected)
    assert summary["without_results"] == [13]
    assert (summary["renumbered"], summary["not_imported"]) == ([], [])

    events = imported(site)
    assert [event.number for event in events] == list(range(1, 14))
    again = command(site, original)
    assert (again["imported"], again["already_there"]) == ({}, 13)
    assert imported(site) == events
    assert sorted(path.name for path in original.data.rglob("*")) == before

    _require_words(site)
    _require_results(site, original, tmp_path)
    _require_that_the_others_run(site, tmp_path)


def _require_words(site: Site) -> None:
    for number, status in enumerate(STATUSES, start=1):
        if status not in WORDS or status == "completed":
            continue
        answer = status_of(site, number)
        assert answer.status_code == 200
        assert answer.json()["status"] == WORDS[status]
    assert status_of(site, 13).json() == {
        "id": 13,
        "status": "Cleaned",
        "message": "results missing",
    }


def _require_results(site: Site, original: Original, directory: Path) -> None:
    number = STATUSES.index("completed") + 1
    archive = (original.directory(number) / "output.zip").read_bytes()
    assert status_of(site, number).content == archive
    # What was left of one that failed is there as well, and is what its manifest says.
    for kept in (number, STATUSES.index("failed") + 1):
        site.cli("results", str(kept), "-o", str(directory), "--verify")


def _require_that_the_others_run(site: Site, directory: Path) -> None:
    numbers = [n for n, status in enumerate(STATUSES, start=1) if status not in WORDS]
    site.start_client("one")
    for number in numbers:
        eventually(
            lambda: site.get(f"/jobs/{number}")["state"] == "completed",  # noqa: B023 - called at once
            20,
            f"job {number} has completed",
        )
        site.cli("results", str(number), "-o", str(directory))
        with ZipFile(directory / f"{number}.zip") as archive:
            assert archive.read("out.txt") == b"42\n"
    uploaded = httpx.post(
        f"{site.url}/upload",
        data={"user_id": "7", "service": "echo"},
        files={"file": ("run.sh", b"true\n")},
        trust_env=False,
    )
    assert uploaded.json()["id"] == 14


def test_numbers_that_are_taken_and_a_service_that_is_missing_are_told(
    site: Site, tmp_path: Path
) -> None:
    other = Original(tmp_path / "other")
    other.job("failed", INPUTS)
    other.job("queued", INPUTS, service="gone")
    arguments = ("--db", str(other.database), "--data", str(other.data))

    taken = site.get("/jobs/1")["job_id"]
    said = site.cli("import-original", *arguments, "--json", code=1)

    summary = json.loads(said)
    (renumbered,) = summary["renumbered"]
    assert renumbered["was"] == 1
    assert site.get(f"/jobs/{renumbered['now']}")["original_number"] == 1
    assert site.get("/jobs/1")["job_id"] == taken
    (trouble,) = summary["not_imported"]
    assert trouble["number"] == 2
    assert "gone" in trouble["why"]

    # Once it is declared, a second run brings the rest.
    site.cli("services", "set", "gone", "--runs-per-user", "1", "--max-runs", "1")
    said = site.cli("import-original", *arguments)
    assert "there before" in said
    assert "2 is now" in said


def test_what_was_not_over_can_be_recorded_as_failed(
    site: Site, tmp_path: Path
) -> None:
    other = Original(tmp_path / "third")
    other.job("running", INPUTS)
    summary = command(site, other, "--unfinished", "fail")

    (renumbered,) = summary["renumbered"]
    answer = status_of(site, renumbered["now"])
    assert answer.json()["status"] == "Failed"
    assert answer.json()["message"] == "imported unfinished"
    site.cli("results", str(renumbered["now"]), "-o", str(tmp_path), "--verify")


def test_a_wrong_path_and_an_absent_server_are_one_clear_error_each(
    site: Site, original: Original, tmp_path: Path
) -> None:
    run = Command({"PATH": os.defpath}, cwd=tmp_path)
    data = ("--data", str(original.data))

    wrong = run("import-original", "--db", "absent", *data, "--server", site.url)
    absent = run(
        "import-original",
        *("--db", str(original.database), *data),
        *("--server", "http://127.0.0.1:9"),
    )

    assert wrong.stderr == "error: absent: no such file: correct --db or --data\n"
    assert absent.returncode == 1
    assert absent.stderr.startswith("error: ")
    assert absent.stderr.count("\n") == 1
