from pathlib import Path

from clients.outbox_files import OutboxFiles
from clients.outputs import Entry
from orchestrator.domain.events import Results
from orchestrator.domain.ids import ClientId
from orchestrator.wire import Ended, Lost
from tests.fakes.hub_rules import key

JOB, ATTEMPT = key()
LOST = Entry(
    number=3, report=Lost(client_id=ClientId("a"), job_id=JOB, attempt=ATTEMPT)
)
ENDED = Entry(
    number=12,
    report=Ended(
        client_id=ClientId("a"),
        job_id=JOB,
        attempt=ATTEMPT,
        exit_code=0,
        results=Results(manifest_sha256="ab", size=3, files=1),
    ),
)


def test_reports_are_read_back_as_they_were_written_oldest_first(
    tmp_path: Path,
) -> None:
    files = OutboxFiles(tmp_path / "outbox")
    files.write(ENDED)
    files.write(LOST)
    assert OutboxFiles(tmp_path / "outbox").load() == [LOST, ENDED]


def test_an_answered_report_is_gone_and_erasing_it_again_is_no_matter(
    tmp_path: Path,
) -> None:
    files = OutboxFiles(tmp_path)
    files.write(LOST)
    files.erase(LOST.number)
    files.erase(LOST.number)
    assert files.load() == []


def test_a_report_that_a_crash_cut_off_was_never_there(tmp_path: Path) -> None:
    files = OutboxFiles(tmp_path)
    files.write(LOST)
    whole = next(tmp_path.glob("*.json"))
    whole.rename(whole.with_name(whole.name + ".part"))
    assert files.load() == []
    assert list(tmp_path.iterdir()) == []


def test_torn_and_foreign_files_are_set_aside_and_the_rest_is_read(
    tmp_path: Path,
) -> None:
    files = OutboxFiles(tmp_path)
    files.write(LOST)
    (tmp_path / f"{5:016d}.json").write_bytes(b'{"type":"lost","client_i')
    (tmp_path / f"{6:016d}.json").write_bytes(b'{"type":"unheard-of"}')
    (tmp_path / f"{7:016d}.json").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    assert files.load() == [LOST]
    assert {path.name for path in (tmp_path / "set-aside").iterdir()} == {
        f"{5:016d}.json",
        f"{6:016d}.json",
        f"{7:016d}.json",
        "notes.txt",
    }
    assert files.load() == [LOST]


def test_a_report_on_disk_is_only_for_its_owner(tmp_path: Path) -> None:
    OutboxFiles(tmp_path).write(LOST)
    assert next(tmp_path.glob("*.json")).stat().st_mode & 0o777 == 0o600
