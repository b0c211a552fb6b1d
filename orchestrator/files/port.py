"""What the rest of the system asks of a place for inputs and results."""

import re
from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from orchestrator.domain.ids import BundleId, JobId


class Staged(Struct, frozen=True, kw_only=True):
    """A file that has been received but has no name yet; a crash forgets it."""

    stage_id: str
    size: int  # bytes
    sha256: str


class FileStore(Protocol):
    """Files under keys: written once, read in ranges, never held in memory whole."""

    async def stage(self, chunks: AsyncIterator[bytes]) -> Staged:
        """Return what was received; nothing stays behind if this raises.

        Raises:
            StorageFullError: there was no room for it.
        """
        ...

    async def commit(self, staged: Staged, key: str) -> None:
        """Give a staged file its key; durable when this returns.

        A key names its content, so where it is taken the stored file stays.

        Raises:
            FileMissingError: it is no longer staged, and the key is not taken.
            StorageFullError: there was no room for the name.
        """
        ...

    async def discard(self, staged: Staged) -> None:
        """Forget a staged file; one that was committed or discarded is no error."""
        ...

    async def size(self, key: str) -> int | None:
        """Return the size in bytes, or nothing where nothing is stored."""
        ...

    def read(
        self,
        key: str,
        *,
        start: int = 0,
        end: int | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `end`, cut to the file's size.

        Raises:
            FileMissingError: nothing is stored under the key, or it went away.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...

    async def free_bytes(self) -> int:
        """Return how much more can be stored."""
        ...


_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


def input_key(bundle_id: BundleId) -> str:
    """Return where the files of one upload are kept."""
    return f"inputs/{_plain(bundle_id)}.zip"


def result_key(job_id: JobId, attempt: int, manifest_sha256: str) -> str:
    """Return where an attempt's archive is kept: its content decides the name."""
    return f"results/{_plain(job_id)}/{attempt:d}/{_plain(manifest_sha256)}.zip"


def manifest_key(job_id: JobId, attempt: int, manifest_sha256: str) -> str:
    """Return where the manifest of an attempt's archive is kept.

    >>> manifest_key(JobId("j1"), 2, "ab")
    'results/j1/2/ab.json'
    """
    return f"results/{_plain(job_id)}/{attempt:d}/{_plain(manifest_sha256)}.json"


def _plain(part: str) -> str:
    """Return an id that is safe in a path; ours all are, a user's name never gets here.

    Raises:
        ValueError: it is not one of our ids.
    """
    if not _TOKEN.fullmatch(part):
        raise ValueError(f"{part!r} cannot be part of a file's key")
    return part
