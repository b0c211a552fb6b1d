"""A file store in a local directory: staged, renamed, and flushed to the disk.

Reading goes through obstore, as it would from S3. Writing does not: obstore's local
store never flushes, and tells a full disk by the text of a message only.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import obstore
from anyio import CapacityLimiter, move_on_after, to_thread
from obstore.exceptions import GenericError
from obstore.store import LocalStore

from orchestrator.errors import DataDirectoryError, FileMissingError
from orchestrator.files.durable_names import DurableNames, flush
from orchestrator.files.port import Staged
from orchestrator.files.stage import Stage, StageFile, storage_full_as_error

_READ_BYTES = 1 << 20
# Written in threads: in the event loop itself, fifty uploads at once stall it for
# most of a second.
_WRITE_BYTES = 256 << 10
_WRITERS = 8
_CLEANUP_SECONDS = 10


class LocalFileStore:
    """A directory that keeps files under keys; `commit` is durable when it returns."""

    def __init__(self, directory: Path, *, reserve_bytes: int = 64 << 20) -> None:
        """Open the directory, and remove what a crash left on the stage.

        Raises:
            DataDirectoryError: it cannot be made or written.
        """
        self._root = directory.absolute()
        self._reserve_bytes = reserve_bytes
        self._writers = CapacityLimiter(_WRITERS)
        self._staged: set[str] = set()  # what waits for a commit or a discard
        with _unusable_as_error(self._root):
            _make_durably(self._root)
            self._stage = Stage(self._root)
            self._store = LocalStore(self._root)
        self._names = DurableNames(self._root)

    def close(self) -> None:
        """Give the stage up; the store must not be used afterwards."""
        self._stage.close()

    async def stage(self, chunks: AsyncIterator[bytes]) -> Staged:
        """Return what was received, hashed; nothing stays behind if this raises.

        Raises:
            StorageFullError: the disk is full but for the reserve.
        """
        blocks = _blocks(chunks)
        block, more = await anext(blocks)
        if not more:
            staged = await self._blocking(self._stage_small, block)
        else:
            staged = await self._stage_large(block, blocks)
        self._staged.add(staged.stage_id)
        return staged

    async def _stage_large(
        self,
        block: bytearray,
        blocks: AsyncGenerator[tuple[bytearray, bool]],
    ) -> Staged:
        file = await self._blocking(self._open_stage_file)
        try:
            await self._blocking(file.write, block)
            async for further, _ in blocks:
                await self._blocking(file.write, further)
            return await self._blocking(file.finish)
        except BaseException:
            with move_on_after(_CLEANUP_SECONDS, shield=True):
                await self._blocking(file.abandon)
            raise

    def _stage_small(self, block: bytearray) -> Staged:
        """Stage what is there already, at once: each turn in a thread costs time."""
        file = self._open_stage_file()
        try:
            if block:
                file.write(block)
            return file.finish()
        except BaseException:
            file.abandon()
            raise

    async def commit(self, staged: Staged, key: str) -> None:
        """Give a staged file its key: flushed, renamed, directories flushed.

        Raises:
            FileMissingError: it is no longer staged, and the key is not taken.
            StorageFullError: there was no room for the name.
        """
        await self._blocking(self._commit, staged, key)
        self._staged.discard(staged.stage_id)

    async def discard(self, staged: Staged) -> None:
        """Forget a staged file; one that was committed or discarded is no error."""
        path = self._stage.path(staged)
        if staged.stage_id in self._staged:
            await self._blocking(_unlink, path)
            self._staged.discard(staged.stage_id)

    async def size(self, key: str) -> int | None:
        """Return the size in bytes, or nothing where nothing is stored."""
        try:
            return (await obstore.head_async(self._store, key))["size"]
        except FileNotFoundError:
            return None

    async def read(
        self,
        key: str,
        *,
        start: int = 0,
        end: int | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `end`, 1 MiB at a time.

        Raises:
            FileMissingError: nothing is stored under the key, or it went away.
        """
        # Whoever names an end mostly knows the size: it is not asked for again.
        stop = await self._size_of(key) if end is None else end
        while start < stop:
            wanted = min(start + _READ_BYTES, stop)
            chunk = await self._range(key, start, wanted)
            start += len(chunk)
            if start < wanted:
                stop = await self._size_of(key)
                if start < min(wanted, stop):
                    raise FileMissingError(key=key)
            if chunk:
                yield chunk

    async def delete(self, key: str) -> None:
        """Remove a file; one that is not there is no error."""
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)

    async def free_bytes(self) -> int:
        """Return how much more can be stored before the reserve is touched."""
        # Not in line with the writers: whoever asks for our health does not wait.
        status = await to_thread.run_sync(os.statvfs, self._root)
        return max(status.f_bavail * status.f_frsize - self._reserve_bytes, 0)

    async def _range(self, key: str, start: int, end: int) -> bytes:
        try:
            found = await obstore.get_range_async(
                self._store, key, start=start, end=end
            )
        except FileNotFoundError:
            raise FileMissingError(key=key) from None
        except GenericError:  # it starts behind the end
            return b""
        return found.to_bytes()

    async def _size_of(self, key: str) -> int:
        size = await self.size(key)
        if size is None:
            raise FileMissingError(key=key)
        return size

    def _open_stage_file(self) -> StageFile:
        return StageFile(self._stage, reserve_bytes=self._reserve_bytes)

    def _commit(self, staged: Staged, key: str) -> None:
        source, target = self._stage.path(staged), self._root / key
        with storage_full_as_error(str(self._root)):
            if target.exists():
                _unlink(source)
            elif source.exists():
                # First the content: a name that survives a crash is then complete.
                flush(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)
            else:
                raise FileMissingError(key=key)
            self._names.flush(target.parent)

    async def _blocking[*Args, Result](
        self,
        call: Callable[[*Args], Result],
        *args: *Args,
    ) -> Result:
        return await to_thread.run_sync(call, *args, limiter=self._writers)


async def _blocks(
    chunks: AsyncIterator[bytes],
) -> AsyncGenerator[tuple[bytearray, bool]]:
    """Yield the same bytes in blocks that are worth a thread's while.

    Each comes with whether there may be more; there is always a first one.
    """
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        if len(waiting) >= _WRITE_BYTES:
            yield waiting, True
            waiting = bytearray()
    yield waiting, False


def _make_durably(directory: Path) -> None:
    if not directory.is_dir():
        _make_durably(directory.parent)
        directory.mkdir(exist_ok=True)
        flush(directory.parent)


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


@contextmanager
def _unusable_as_error(directory: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise DataDirectoryError(directory=str(directory), why=why) from error
