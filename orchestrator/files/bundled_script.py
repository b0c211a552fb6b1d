"""Reading `run.sh` out of a stored bundle: whole to be judged, or one line to show."""

import io
from collections.abc import Buffer, Callable, Mapping, Set as AbstractSet
from typing import IO, override
from zipfile import BadZipFile, ZipFile

from anyio import from_thread, to_thread

from orchestrator.errors import FileMissingError
from orchestrator.files.port import FileStore
from orchestrator.files.script_text import SCRIPT

_LONGEST_LINE_BYTES = 1 << 16
_LONGEST_SNIPPET = 200


async def read_script(store: FileStore, key: str, most: int) -> bytes | None:
    """Return the script of a bundle, of a longer one the beginning, if there is one.

    Raises:
        FileMissingError: the bundle is not there.
    """
    return await _with_script(store, key, lambda script: script.read(most))


async def snippets(
    store: FileStore, key: str, lines: AbstractSet[int]
) -> Mapping[int | None, str]:
    """Return lines of a bundle's script to be shown, those that are still there."""
    try:
        found = await _with_script(store, key, lambda script: _lines(script, lines))
    except FileMissingError:
        return {}
    return {number: _shown(line) for number, line in (found or {}).items()}


async def _with_script[T](
    store: FileStore, key: str, read: Callable[[IO[bytes]], T]
) -> T | None:
    size = await store.size(key)
    if size is None:
        raise FileMissingError(key=key)

    def work() -> T | None:
        stored = io.BufferedReader(_Stored(store, key, size), 1 << 16)
        try:
            with ZipFile(stored) as bundle, bundle.open(SCRIPT) as script:
                return read(script)
        except (KeyError, BadZipFile):
            return None

    return await to_thread.run_sync(work)


class _Stored(io.RawIOBase):
    """A stored file as one that can be read and sought, in a worker thread."""

    def __init__(self, store: FileStore, key: str, size: int) -> None:
        super().__init__()
        self._store = store
        self._key = key
        self._size = size
        self._position = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_CUR: self._position, io.SEEK_END: self._size}.get(whence, 0)
        self._position = max(start + offset, 0)
        return self._position

    @override
    def tell(self) -> int:
        return self._position

    @override
    def readall(self) -> bytes:
        return self._take(self._size)

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        room = memoryview(buffer)
        data = self._take(len(room))
        room[: len(data)] = data
        return len(data)

    def _take(self, count: int) -> bytes:
        end = min(self._position + count, self._size)
        if end <= self._position:
            return b""
        data = from_thread.run(self._range, self._position, end)
        self._position += len(data)
        return data

    async def _range(self, start: int, end: int) -> bytes:
        chunks = [
            chunk async for chunk in self._store.read(self._key, start=start, end=end)
        ]
        return b"".join(chunks)


def _lines(script: IO[bytes], wanted: AbstractSet[int]) -> dict[int | None, bytes]:
    found: dict[int | None, bytes] = {}
    number, begins = 0, True
    while len(found) < len(wanted):
        piece = script.readline(_LONGEST_LINE_BYTES)
        if not piece:
            break
        # Of a longer line the beginning is shown.
        number += begins
        if begins and number in wanted:
            found[number] = piece
        begins = piece.endswith(b"\n")
    return found


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip().expandtabs(4)
    printable = "".join(each if each.isprintable() else "\ufffd" for each in text)
    if len(printable) <= _LONGEST_SNIPPET:
        return printable
    return f"{printable[:_LONGEST_SNIPPET]} …"
