"""Folds the whole log into a new file and swaps it in for the old one."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
from msgspec import Struct

from orchestrator.codec import decode
from orchestrator.domain.ids import Position
from orchestrator.event_log.port import EventLog, Message
from projections.projection import Folded
from projections.projector import Pace, Projector
from projections.read_models.database import acquire, wal_of
from projections.snapshot_files import SnapshotFiles

# Large inserts: nobody reads the new file before it is done.
_MESSAGES_A_FLUSH = 20_000
_PACE = Pace(most_in_memory=2 * _MESSAGES_A_FLUSH)


class RebuildReport(Struct, frozen=True, kw_only=True):
    """What a rebuild has done."""

    events: int
    seconds: float
    position: Position  # of the last event in the new file


async def rebuild(
    log: EventLog,
    path: Path,
    on_progress: Callable[[Position, Position], None] = lambda _done, _end: None,
) -> RebuildReport:
    """Make a file's read models anew from the log, up to its end as of now.

    The old file stays as it is until the new one is complete. `on_progress` is told
    the position that was reached and the one that is to be reached.

    Raises:
        ReadModelHeldError: a server has the file open; nothing was changed.
        ReadModelUnusableError: the new file could not be written.
        UndecodableEventError: this version does not know an event of the log.
    """
    started = time.monotonic()
    lock = await anyio.to_thread.run_sync(acquire, path)
    fresh = path.with_name(path.name + ".rebuild")
    try:
        await anyio.to_thread.run_sync(_remove, fresh)
        position = await _fold_all(log, fresh, on_progress)
        await anyio.to_thread.run_sync(_swap, fresh, path)
    finally:
        _remove(fresh)
        lock.close()
    return RebuildReport(
        events=position,
        seconds=time.monotonic() - started,
        position=position,
    )


async def _fold_all(
    log: EventLog,
    fresh: Path,
    on_progress: Callable[[Position, Position], None],
) -> Position:
    projector = await Projector.open(fresh, _PACE)
    try:
        end = (await projector.verify(log)).position
        async with _closing(log.follow(0)) as batches:
            while projector.position < end:
                await projector.fold(_decoded(await anext(batches)))
                # By turns: measured, two threads of Python at once are slower.
                if projector.unflushed >= _MESSAGES_A_FLUSH:
                    await projector.flush(live_jobs=False)
                on_progress(projector.position, end)
    finally:
        await projector.close()
    return projector.position


@asynccontextmanager
async def _closing[T](batches: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T]]:
    try:
        yield batches
    finally:
        if isinstance(batches, AsyncGenerator):
            await batches.aclose()


def _decoded(batch: Sequence[Message]) -> list[Folded]:
    return [
        (one.position, decode(one.data, position=one.position), one.data)
        for one in batch
    ]


def _remove(path: Path) -> None:
    for leftover in (path, wal_of(path), path.with_name(path.name + ".lock")):
        leftover.unlink(missing_ok=True)


def _swap(fresh: Path, path: Path) -> None:
    # It belongs to the old file; beside the new one it would be applied to that.
    wal_of(path).unlink(missing_ok=True)
    SnapshotFiles(path).forget_after(0)
    fresh.replace(path)
