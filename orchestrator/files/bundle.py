"""Bundles of input files: written part by part, unpacked where nothing can escape.

With what is imported here this is all that a client needs of archives.
"""

from collections.abc import AsyncIterator
from stat import S_IFREG
from typing import IO
from zipfile import ZipFile

from orchestrator.errors import BundleUnsafeError
from orchestrator.files.archive_check import check_archive
from orchestrator.files.collecting import collect
from orchestrator.files.script_text import SCRIPT
from orchestrator.files.unpacking import unpack_bundle
from orchestrator.files.zip_entries import entry_info, why_unsafe, withdraw

__all__ = ["BundleWriter", "bundle_bytes", "check_archive", "collect", "unpack_bundle"]


class BundleWriter:
    """Turns files into the bytes of a zip, one file after the other, holding none.

    The bytes depend only on names, contents and order: there are no times in them.
    """

    def __init__(self) -> None:
        self._made = _Made()
        self._archive = ZipFile(self._made, "w")
        self._file: IO[bytes] | None = None

    def begin(self, name: str) -> None:
        """Begin the next file; an earlier one of the same name is left out.

        Raises:
            BundleUnsafeError: the name would leave the directory it is unpacked in.
        """
        self.end()
        if why := why_unsafe(name):
            raise BundleUnsafeError(name=name, why=why)
        withdraw(self._archive, name)
        mode = S_IFREG | (0o755 if name == SCRIPT else 0o644)
        self._file = self._archive.open(
            entry_info(name, mode=mode),
            "w",
            force_zip64=True,
        )

    def write(self, chunk: bytes) -> None:
        """Append to the file that was begun last."""
        if self._file is not None:
            self._file.write(chunk)

    def end(self) -> None:
        """End the file that is being written, if there is one; needed on abort too."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def finish(self) -> None:
        """End the bundle; without files it is an empty one."""
        self.end()
        self._archive.close()

    def take(self) -> bytes:
        """Return the bytes made since the last call."""
        return self._made.take()


async def bundle_bytes(
    files: AsyncIterator[tuple[str, AsyncIterator[bytes]]],
) -> AsyncIterator[bytes]:
    """Yield a bundle of the given names and contents, which are read one by one."""
    bundle = BundleWriter()
    try:
        async for name, chunks in files:
            bundle.begin(name)
            async for chunk in chunks:
                bundle.write(chunk)
                yield bundle.take()
        bundle.finish()
        yield bundle.take()
    finally:
        bundle.end()


class _Made:
    """What the zip writer has written; it can neither seek nor tell.

    No RawIOBase: a collected one is closed, and its ZipFile then complains.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._pieces.append(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        made = b"".join(self._pieces)
        self._pieces.clear()
        return made
