"""Folds the log into the read models: at once in memory, a moment later on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import anyio
import anyio.to_thread
import structlog
from duckdb import DuckDBPyConnection
from msgspec import Struct, structs

from orchestrator.domain.ids import Position
from orchestrator.event_log.port import EventLog, LogEnd
from projections.checkpoint import Checkpoint, verify
from projections.overlay import MOST_GONE, Overlay, Rows
from projections.projection import Folded
from projections.read_model import ReadModel
from projections.read_models import (
    checkpoint_rows,
    clients,
    job_rows,
    services,
)
from projections.read_models.database import Database
from projections.snapshot_files import Snapshot, SnapshotFiles
from projections.waiting import Waiting

logger = structlog.stdlib.get_logger()


class Pace(Struct, frozen=True, kw_only=True):
    """When a flush begins, and how much memory may wait for it."""

    delay_seconds: float = 0.25  # after the first message, at the latest
    messages: int = 2_000  # at so many at once
    most_in_memory: int = 10_000  # then folding waits for the flush


_DEFAULT_PACE = Pace()
_CLOSE_SECONDS = 30.0


class Projector:
    """The one that folds; `read_model` answers from what it has folded.

    Who has it calls `fold` with every batch of the log, in order, while `run` is at
    work beside it; at the end `close`.
    """

    def __init__(
        self,
        database: Database,
        rows: Rows,
        pace: Pace = _DEFAULT_PACE,
    ) -> None:
        self._database = database
        self._overlay = Overlay(rows)
        self._pace = pace
        self._waiting = Waiting()
        self._snapshots = SnapshotFiles(database.path)
        self._snapshot: Snapshot | None = None
        self._flushing = anyio.Lock()
        self._work = anyio.Event()  # there is something to flush
        self._enough = anyio.Event()  # there is so much that it should not wait
        self._flushed = anyio.Event()
        self.read_model = ReadModel(database, self._overlay, self._waiting)

    @classmethod
    async def open(cls, path: Path, pace: Pace = _DEFAULT_PACE) -> Self:
        """Return the projector over a file, which is made where there is none.

        Raises:
            ReadModelHeldError, ReadModelOutdatedError, ReadModelUnusableError.
        """
        database = await Database.open(path)
        try:
            return await cls.over(database, pace)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await database.close()
            raise

    @classmethod
    async def over(cls, database: Database, pace: Pace = _DEFAULT_PACE) -> Self:
        """Return the projector over an open database, at that one's checkpoint."""
        projector = cls(database, await database.read(_rows), pace)
        position = projector.position
        await anyio.to_thread.run_sync(projector._snapshots.forget_after, position)
        return projector

    @property
    def checkpoint(self) -> Checkpoint:
        """The last message that was folded, and what identifies all up to it."""
        return self._overlay.checkpoint

    @property
    def position(self) -> Position:
        """How far has been folded: what the read model answers up to."""
        return self._overlay.position

    @property
    def flushed_position(self) -> Position:
        """How far is on disk: jobs that ended up to here need no memory elsewhere."""
        return self._overlay.flushed

    @property
    def unflushed(self) -> int:
        """How many messages wait in memory for the disk."""
        return self._overlay.unflushed

    async def verify(self, log: EventLog) -> LogEnd:
        """Return the log's end, after asking whether it is still the log we folded.

        Call it once, before folding.

        Raises:
            LogLiedError: it has lost or changed what it once acknowledged.
        """
        end = await verify(self._overlay.checkpoint, log)
        self._overlay.checkpoint = structs.replace(
            self._overlay.checkpoint,
            log_created_at=end.created_at,
        )
        return end

    async def fold(self, messages: Sequence[Folded]) -> None:
        """Fold a batch; return at once unless the disk has fallen far behind.

        What has been folded before is dropped, so a follower may begin earlier.

        Raises:
            LogLiedError: a message is missing.
        """
        self._waiting.wake(self._overlay.fold(messages))
        if self._overlay.waiting:
            self._work.set()
        if self._overlay.waiting >= self._pace.messages:
            self._enough.set()
        while self._overlay.unflushed > self._pace.most_in_memory:
            await self._flushed.wait()

    async def reached(self, position: Position, timeout_seconds: float) -> bool:
        """Return whether the fold has come to a position, or does in time."""
        with anyio.move_on_after(timeout_seconds):
            while self.position < position:
                await self._waiting.moved()
        return self.position >= position

    def store_snapshot(self, position: Position, state: bytes) -> None:
        """Keep the writer's state on disk, once the rows there have come as far."""
        self._snapshot = Snapshot(position, state)
        self._work.set()

    async def load_snapshot(
        self,
        at_most: Position | None = None,
    ) -> tuple[Position, bytes] | None:
        """Return the newest snapshot (not after a position), if there is one."""
        limit = self.flushed_position if at_most is None else at_most
        found = await anyio.to_thread.run_sync(self._snapshots.newest, limit)
        return None if found is None else (found.position, found.state)

    async def run(self) -> None:
        """Flush behind the fold, for ever; a failed flush ends it.

        Raises:
            ReadModelUnusableError: the file could not be written.
        """
        while True:
            await self._work.wait()
            with anyio.move_on_after(self._pace.delay_seconds):
                await self._enough.wait()
            await self.flush()

    async def flush(self, *, live_jobs: bool = True) -> None:
        """Write what has been folded so far to disk, with its checkpoint.

        Without the live jobs only where nobody reads before `close`, which brings
        them; so each job is written once.

        Raises:
            ReadModelUnusableError: the file could not be written.
        """
        async with self._flushing:
            self._work, self._enough = anyio.Event(), anyio.Event()
            batch = self._overlay.take(live_jobs=live_jobs)
            if not batch.empty:
                try:
                    await self._database.write(batch)
                except BaseException:
                    # Cancelled before it began, or refused: nothing was written.
                    self._overlay.give_back(batch)
                    raise
                self._overlay.forget(batch)
                flushed, self._flushed = self._flushed, anyio.Event()
                flushed.set()
            await self._store_snapshot()

    async def _store_snapshot(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or snapshot.position > self.flushed_position:
            return
        try:
            await anyio.to_thread.run_sync(self._snapshots.store, snapshot)
        except OSError as error:
            # The next start has more to fold; nothing else depends on it.
            logger.warning("snapshot.not_stored", why=str(error))
        if self._snapshot is snapshot:
            self._snapshot = None

    async def close(self) -> None:
        """Flush what is left, and let go of the file.

        Raises:
            ReadModelUnusableError: the file could not be written; the next start
                folds again what is missing there.
        """
        with anyio.CancelScope(shield=True):
            try:
                with anyio.move_on_after(_CLOSE_SECONDS):
                    await self.flush()
            finally:
                await self._database.close()


def _rows(connection: DuckDBPyConnection) -> Rows:
    return Rows(
        checkpoint=checkpoint_rows.load(connection),
        live=job_rows.live(connection),
        services=services.every(connection),
        clients=clients.newest(connection, MOST_GONE),
        counts=job_rows.counts(connection),
    )
