"""The one DuckDB file of a server: opened by one process, written by one thread."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import resources
from pathlib import Path
from typing import IO, Self

import anyio
import anyio.to_thread
import duckdb
from duckdb import DuckDBPyConnection

from orchestrator.errors import (
    ReadModelHeldError,
    ReadModelOutdatedError,
    ReadModelUnusableError,
)
from orchestrator.file_lock import try_lock
from projections.read_models import checkpoint_rows
from projections.read_models.batch import Batch, apply

_READERS = 4
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "256MB",  # of which most is a cache: it fills up as rows come
    "threads": 2,
    # What is not yet in the file itself is in memory, several times its size there.
    "checkpoint_threshold": "16MB",
    # What we use is built in; nothing is to be fetched from anywhere.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class Database:
    """Rows on disk; reads run beside each other and beside the one write."""

    def __init__(self, path: Path, lock: IO[bytes], root: DuckDBPyConnection) -> None:
        self.path = path
        self._lock = lock
        self._root = root  # makes cursors; runs no statement of its own
        self._writer = root.cursor()
        self._write_limiter = anyio.CapacityLimiter(1)
        self._read_limiter = anyio.CapacityLimiter(_READERS)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Return the database in a file, which is made where there is none.

        Raises:
            ReadModelHeldError: another process has it open.
            ReadModelOutdatedError: other projections folded it.
            ReadModelUnusableError: it is damaged, or cannot be written.
        """
        return await anyio.to_thread.run_sync(cls._open, path)

    @classmethod
    def _open(cls, path: Path) -> Self:
        lock = acquire(path)
        try:
            root = _connect(path)
        except BaseException:
            lock.close()
            raise
        return cls(path, lock, root)

    async def read[T](self, query: Callable[[DuckDBPyConnection], T]) -> T:
        """Return what a query finds in the newest committed rows."""
        return await anyio.to_thread.run_sync(
            partial(self._on_cursor, query),
            limiter=self._read_limiter,
        )

    def _on_cursor[T](self, query: Callable[[DuckDBPyConnection], T]) -> T:
        try:
            with self._root.cursor() as cursor:
                return query(cursor)
        except duckdb.Error as error:
            raise _unusable(self.path, error) from error

    async def write(self, batch: Batch) -> None:
        """Write a batch durably: all of it, or nothing.

        Raises:
            ReadModelUnusableError: it could not be written.
        """
        await anyio.to_thread.run_sync(
            self._apply,
            batch,
            limiter=self._write_limiter,
        )

    def _apply(self, batch: Batch) -> None:
        try:
            apply(self._writer, batch)
        except duckdb.Error as error:
            raise _unusable(self.path, error) from error

    async def close(self) -> None:
        """Let go of the file; whoever waits for it may open it."""
        await anyio.to_thread.run_sync(self._close, limiter=self._write_limiter)

    def _close(self) -> None:
        self._writer.close()
        self._root.close()
        self._lock.close()


def acquire(path: Path) -> IO[bytes]:
    """Return the lock on a database file; closing it, or dying, lets go.

    Raises:
        ReadModelHeldError: another process has it.
        ReadModelUnusableError: its directory cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = try_lock(path.with_name(path.name + ".lock"))
    except OSError as error:
        raise _unusable(path, error) from error
    if lock is None:
        raise ReadModelHeldError(path=str(path))
    return os.fdopen(lock, "ab")


def wal_of(path: Path) -> Path:
    """Return where DuckDB keeps what is not yet in the file itself."""
    return path.with_name(path.name + ".wal")


def _connect(path: Path) -> DuckDBPyConnection:
    if not path.exists():
        # Of a file that somebody deleted; DuckDB would apply it to the new one.
        with suppress(FileNotFoundError):
            wal_of(path).unlink()
    try:
        root = duckdb.connect(path, config=_CONFIG)
    except duckdb.Error as error:
        if "Could not set lock on file" in str(error):
            raise ReadModelHeldError(path=str(path)) from error
        raise _unusable(path, error) from error
    try:
        _prepare(root, path)
    except BaseException:
        root.close()
        raise
    return root


def _prepare(root: DuckDBPyConnection, path: Path) -> None:
    with root.cursor() as cursor:
        if not cursor.execute("SELECT 1 FROM duckdb_tables() LIMIT 1").fetchall():
            _create(cursor)
        found = checkpoint_rows.names(cursor)
    if found != checkpoint_rows.NAMES:
        raise ReadModelOutdatedError(
            path=str(path),
            found=", ".join(found),
            needed=", ".join(checkpoint_rows.NAMES),
        )


def _create(cursor: DuckDBPyConnection) -> None:
    schema = resources.files("projections.read_models").joinpath("schema.sql")
    cursor.begin()
    cursor.execute(schema.read_text("utf-8"))
    checkpoint_rows.create(cursor)
    cursor.commit()


def _unusable(path: Path, error: Exception) -> ReadModelUnusableError:
    why = str(error).splitlines()[0]
    return ReadModelUnusableError(path=str(path), why=why)
