"""When the writer's state is taken, and which of it may be kept."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from orchestrator.domain.events import ServiceConfigured
from orchestrator.domain.ids import Position
from orchestrator.writer import snapshot
from orchestrator.writer.snapshots import SnapshotSchedule
from orchestrator.writer.state import WriterState
from projections.projector import Projector
from tests.examples import ECHO, recorded
from tests.unit.projections.folding import projecting
from tests.unit.projections.histories import folded

EVERY = 10


class Desk:
    """A state and a projector over the same events, and a schedule between them."""

    def __init__(self, projector: Projector) -> None:
        self.projector = projector
        self.state = WriterState()
        self.schedule = SnapshotSchedule(projector, every_events=EVERY)
        self.schedule.begin(0)

    async def fold(self, count: int) -> None:
        """Let so many events happen, which the read model has as well."""
        for _ in range(count):
            event = ServiceConfigured(
                service=ECHO,
                runs_per_user=self.state.position + 1,
                max_runs=10,
                source="api",
            )
            position = self.state.position + 1
            self.state.fold(position, recorded(event, seconds=position))
            await self.projector.fold(folded([event], first=position))

    async def kept(self, acknowledged: Position) -> tuple[Position, bytes]:
        """Return the snapshot that is on disk, once there is one."""
        with anyio.fail_after(10):
            while (found := await self.projector.load_snapshot()) is None:
                self.schedule.offer(self.state, acknowledged)
                await self.projector.flush()
        return found


@asynccontextmanager
async def desk(path: Path) -> AsyncGenerator[Desk]:
    async with projecting(path) as projector, anyio.create_task_group() as tasks:
        made = Desk(projector)
        tasks.start_soon(made.schedule.run)
        yield made
        tasks.cancel_scope.cancel()


async def test_a_snapshot_is_the_state_as_it_was_when_it_was_taken(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path / "rows") as writer:
        await writer.fold(EVERY)
        writer.schedule.offer(writer.state, EVERY)
        then = snapshot.take(writer.state)
        # It goes on before anybody has encoded anything.
        await writer.fold(3)
        assert await writer.kept(EVERY + 3) == (EVERY, then)


async def test_nothing_is_kept_that_the_log_may_yet_refuse(tmp_path: Path) -> None:
    async with desk(tmp_path / "rows") as writer:
        await writer.fold(EVERY)
        writer.schedule.offer(writer.state, EVERY - 1)
        # However long it takes: only the acknowledgement lets it through.
        with anyio.move_on_after(0.2):
            await writer.kept(EVERY - 1)
        assert await writer.projector.load_snapshot() is None
        assert (await writer.kept(EVERY))[0] == EVERY


async def test_a_state_that_was_thrown_away_is_not_kept(tmp_path: Path) -> None:
    async with desk(tmp_path / "rows") as writer:
        await writer.fold(EVERY)
        writer.schedule.offer(writer.state, 0)
        writer.schedule.begin(EVERY)
        await writer.fold(EVERY)
        assert (await writer.kept(2 * EVERY))[0] == 2 * EVERY


async def test_the_last_state_is_kept_unless_the_log_may_refuse_part_of_it(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path / "rows") as writer:
        await writer.fold(3)
        writer.schedule.take_last(writer.state, 2)
        await writer.projector.flush()
        assert await writer.projector.load_snapshot() is None
        writer.schedule.take_last(writer.state, 3)
        await writer.projector.flush()
        taken = snapshot.take(writer.state)
        assert await writer.projector.load_snapshot() == (3, taken)
