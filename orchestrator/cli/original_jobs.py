"""The jobs of a stopped original, as its database and its data directory hold them."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct

from orchestrator.domain.events import ImportedState, ImportReason
from orchestrator.errors import OriginalUnreadableError

RESULTS = "output.zip"
_COLUMNS = "id, user_id, service, status, loc, created_at"
_OVER: dict[str, ImportedState] = {
    "completed": "completed",
    "failed": "failed",
    "invalid": "invalid",
    "killed": "cancelled",
    "locked": "cancelled",  # only while it is being terminated
    "cleaned": "cleaned",
}
_NEVER_SENT = frozenset({"queued", "processing"})
_SENT = frozenset({"submitted", "prepared", "running"})

# What becomes of a job that was not over.
type Unfinished = Literal["run", "fail"]
# `archive`: the zip that the original made. `directory`: all that it has, to be packed.
# `inputs`: the files that it was submitted with.
type Files = Literal["archive", "directory", "inputs"]


class OriginalJob(Struct, frozen=True, kw_only=True):
    """A row of the table `jobs`."""

    number: int
    user: str
    service: str
    status: str
    origin: str  # the name of its directory: a UUID
    directory: Path
    created_at: datetime | None


class Fate(Struct, frozen=True, kw_only=True):
    """What a job becomes here, and which of its files come along."""

    state: ImportedState
    reason: ImportReason | None = None
    files: Files | None = None


def read_jobs(database: Path, data: Path) -> list[OriginalJob]:
    """Return all jobs, by number; nothing is written.

    Raises:
        OriginalUnreadableError: one of the two is not what the original left.
    """
    if not data.is_dir():
        raise OriginalUnreadableError(path=data, why="no such directory")
    if not database.is_file():
        raise OriginalUnreadableError(path=database, why="no such file")
    uri = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM jobs ORDER BY id")  # noqa: S608 - a constant
            return [_job(row, data) for row in rows]
    except sqlite3.Error as error:
        why = f"it is no database of the original's server ({error})"
        raise OriginalUnreadableError(path=database, why=why) from error


def fate(job: OriginalJob, unfinished: Unfinished) -> Fate:
    """Return what a job becomes; looks into its directory."""
    kept: Files | None = "directory" if job.directory.is_dir() else None
    match _OVER.get(job.status):
        case "completed":
            if (job.directory / RESULTS).is_file():
                return Fate(state="completed", files="archive")
            return Fate(state="cleaned", reason="results_missing")
        case "cleaned":
            return Fate(state="cleaned")
        case str(state):
            return Fate(state=state, files=kept)
        case None:
            # One that is `unknown` was never confirmed to its user.
            known = job.status in _NEVER_SENT | _SENT
            if known and unfinished == "run" and kept:
                return Fate(state="queued", files="inputs")
            return Fate(state="failed", reason="imported_unfinished", files=kept)


def inputs(job: OriginalJob) -> list[Path]:
    """Return the files that a job was submitted with."""
    return sorted(_inputs(job))


def size(job: OriginalJob, files: Files | None) -> int:
    """Return how many bytes of a job come along, before they are packed."""
    match files:
        case "archive":
            return (job.directory / RESULTS).stat().st_size
        case "inputs":
            return sum(path.stat().st_size for path in inputs(job))
        case "directory":
            return sum(
                path.lstat().st_size
                for path in job.directory.rglob("*")
                if not path.is_dir()
            )
        case None:
            return 0


def _inputs(job: OriginalJob) -> Iterator[Path]:
    for path in job.directory.iterdir():
        # The original stores all files flat. Part of a result may be there as well,
        # of a job whose results were being fetched when it was stopped.
        half_fetched = path.name == RESULTS and job.status not in _NEVER_SENT
        if path.is_file() and not path.is_symlink() and not half_fetched:
            yield path


def _job(row: tuple[object, ...], data: Path) -> OriginalJob:
    number, user, service, status, place, created_at = row
    # It may have been moved since, or have had another path in its container.
    origin = Path(str(place)).name
    return OriginalJob(
        number=int(str(number)),
        user=str(user),
        service=str(service),
        status=str(status).lower(),
        origin=origin or "none",
        directory=data / origin if origin.strip(".") else data / "none",
        created_at=_time(created_at),
    )


def _time(text: object) -> datetime | None:
    """Return the time that SQLite's CURRENT_TIMESTAMP has written: UTC, no zone.

    >>> _time("2026-01-02 03:04:05")
    datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    """
    with contextlib.suppress(ValueError):
        time = datetime.fromisoformat(str(text))
        return time.replace(tzinfo=time.tzinfo or UTC)
    return None
