"""Files put into a store and taken out again, in one call each."""

from collections.abc import AsyncIterator
from pathlib import Path

from orchestrator.domain.ids import BundleId
from orchestrator.files.port import FileStore, Staged, input_key

KEY = input_key(BundleId("b1"))


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    """Return pieces as an upload brings them."""
    for piece in pieces:
        yield piece


async def contents(
    store: FileStore, key: str, start: int = 0, end: int | None = None
) -> bytes:
    """Return what a file holds, or a range of it."""
    return b"".join([piece async for piece in store.read(key, start=start, end=end)])


async def stored(store: FileStore, key: str, *pieces: bytes) -> Staged:
    """Stage and commit a file."""
    staged = await store.stage(chunks(*pieces))
    await store.commit(staged, key)
    return staged


def files_in(directory: Path) -> list[str]:
    """Return where files lie in a directory, staged ones too."""
    return sorted(
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file()
    )
