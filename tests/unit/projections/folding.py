"""A projector at work over a file, and what the file then holds."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import duckdb

from orchestrator.event_log.memory import MemoryLog
from orchestrator.event_log.port import Draft
from projections.projection import Folded
from projections.projector import Pace, Projector

# No test waits for the usual quarter of a second.
SWIFT = Pace(delay_seconds=0.001, messages=50, most_in_memory=200)
TABLES = {
    "checkpoint": "name",
    "events": "position",
    "jobs": "job_id",
    "services": "name",
    "clients": "client_id",
}


@asynccontextmanager
async def projecting(path: Path, pace: Pace = SWIFT) -> AsyncGenerator[Projector]:
    """Yield a projector that flushes by itself; close it at the end."""
    projector = await Projector.open(path, pace)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(projector.run)
            yield projector
            tasks.cancel_scope.cancel()
    finally:
        await projector.close()


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table but the snapshots, in order."""
    with duckdb.connect(path, read_only=True) as connection:
        return {
            table: connection.execute(
                f"SELECT * FROM {table} ORDER BY {key}"  # noqa: S608 - constants
            ).fetchall()
            for table, key in TABLES.items()
        }


async def log_of(messages: Sequence[Folded]) -> MemoryLog:
    """Return a log that holds these messages."""
    log = MemoryLog()
    await log.append([Draft("writer", data) for _, _, data in messages], expected=0)
    return log
