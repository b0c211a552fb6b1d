"""A server's part in writing, over a log in memory and a real DuckDB file."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator import codec
from orchestrator.domain.commands import Command, ConfigureService
from orchestrator.domain.events import Event
from orchestrator.domain.ids import JobId, Position
from orchestrator.event_log.port import Draft, EventLog
from orchestrator.writer.candidate import PingAnswered, PingUnheard
from orchestrator.writer.commands import Answered
from orchestrator.writer.election import Pinged, PingLeader
from orchestrator.writer.office import Office, OfficeSettings
from orchestrator.writer.state import WriterState
from projections.projector import Projector
from tests.examples import (
    PORTAL,
    asked,
    configure,
    recorded,
    submit,
)
from tests.integration.office_witness import (
    PATIENCE_SECONDS,
)


@dataclass(frozen=True)
class Server:
    """A running office and its read model."""

    office: Office
    projector: Projector
    life: anyio.CancelScope

    def stop(self) -> None:
        """End its part in writing; its read model stays open."""
        self.life.cancel()

    async def ask(self, command: Command, command_id: str = "") -> Answered:
        with anyio.fail_after(PATIENCE_SECONDS):
            return await self.office.ask(asked(command, PORTAL, command_id))

    async def leads(self) -> None:
        with anyio.fail_after(PATIENCE_SECONDS):
            await self.office.leads()

    @property
    def state(self) -> WriterState:
        assert self.office.leader is not None
        return self.office.leader.lead.state


@asynccontextmanager
async def server_on(  # noqa: PLR0913 - what a test may say of a server
    log: EventLog,
    directory: Path,
    *,
    name: str = "server-1",
    ping: PingLeader | None = None,
    declared: Sequence[ConfigureService] | None = None,
    deadline_seconds: float = 10.0,
) -> AsyncGenerator[Server]:
    """Yield a server that takes part; it is cancelled at the end."""
    await anyio.Path(directory).mkdir(exist_ok=True)
    projector = await Projector.open(directory / "read-model.duckdb")
    settings = OfficeSettings(
        server_id=name,
        version="0",
        declared=[configure()] if declared is None else declared,
        deadline_seconds=deadline_seconds,
    )
    office = Office(log, projector, ping or nobody, settings, lambda: True)
    life = anyio.CancelScope()

    async def live() -> None:
        with life:
            await office.run()

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(projector.run)
            tasks.start_soon(live)
            yield Server(office, projector, life)
            tasks.cancel_scope.cancel()
    finally:
        await projector.close()


async def nobody(_term: Position) -> Pinged:
    """Answer as a hub does on which no leader listens."""
    return PingUnheard(0)


async def who_hears(leads: Callable[[], bool], _term: Position) -> Pinged:
    return PingAnswered() if leads() else PingUnheard(0)


async def eventually(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - it rings no bell
            await anyio.sleep(0.002)


async def hand_in_many(server: Server, count: int) -> None:
    for number in range(count):
        await server.ask(submit(JobId(f"job-{number}")))


async def add_foreign(log: EventLog, event: Event, server: Server) -> None:
    """Append as another server would."""
    draft = Draft("writer", codec.encode(recorded(event, 10**9)))
    while server.office.leader is not None:
        end = (await log.end()).position
        if server.office.leader.lead.acknowledged == end:
            await log.append([draft], expected=end)
            return
    raise AssertionError
