"""Whole writers over a real nats-server: each with its own connection and read model."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from orchestrator.domain.commands import Asked, ConfigureService
from orchestrator.domain.ids import Position
from orchestrator.errors import OutcomeUnknownError
from orchestrator.event_log.jetstream import JetStreamLog, open_jetstream
from orchestrator.files.store import LocalFileStore
from orchestrator.writer.commands import Answered
from orchestrator.writer.nats_link import ForwardToLeader, LeaderPing, NatsLink
from orchestrator.writer.office import Office, OfficeSettings
from orchestrator.writer.reports import Reports, Transfers
from projections.projector import Projector

_PATIENCE_SECONDS = 10.0


@dataclass
class LossyForward:
    """The real way to the leader, which may lose what comes back."""

    real: ForwardToLeader
    answers_to_lose: int = 0
    sent: list[Asked] = field(default_factory=list[Asked])

    async def __call__(self, term: Position, asked: Asked) -> Answered:
        self.sent.append(asked)
        answered = await self.real(term, asked)
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            raise OutcomeUnknownError
        return answered


@dataclass(frozen=True)
class Running:
    """One server's writer, and what it works with."""

    office: Office
    projector: Projector
    forward: LossyForward
    log: JetStreamLog
    reports: Reports
    life: anyio.CancelScope

    def crash(self) -> None:
        """End its work at once; what it has opened stays open."""
        self.life.cancel()

    async def leads(self) -> None:
        """Return once it leads."""
        with anyio.fail_after(_PATIENCE_SECONDS):
            await self.office.leads()

    async def stands_by(self) -> None:
        """Return once it stands by."""
        with anyio.fail_after(_PATIENCE_SECONDS):
            while self.office.leadership().role != "standing_by":  # noqa: ASYNC110 - it rings no bell
                await anyio.sleep(0.005)

    async def reads(self, position: Position) -> None:
        """Return once it has folded so far."""
        assert await self.projector.reached(position, _PATIENCE_SECONDS)


@asynccontextmanager
async def running_office(  # noqa: PLR0913 - what a test may say of a server
    url: str,
    directory: Path,
    *,
    stream: str,
    declared: Sequence[ConfigureService] | None = None,
    deadline_seconds: float = 10.0,
    append_seconds: float = 5.0,
    max_bytes: int | None = None,
) -> AsyncGenerator[Running]:
    """Return a context with a writer that leads or stands by; it ends as in a crash."""
    await anyio.Path(directory).mkdir()
    async with open_jetstream(
        url, stream=stream, append_seconds=append_seconds, max_bytes=max_bytes
    ) as log:
        projector = await Projector.open(directory / "read-model.duckdb")
        store = LocalFileStore(directory / "files")
        connection = log.connection
        forward = LossyForward(ForwardToLeader(connection))
        office = Office(
            log,
            projector,
            LeaderPing(connection),
            OfficeSettings(
                server_id=directory.name,
                version="0",
                declared=declared,
                deadline_seconds=deadline_seconds,
            ),
            lambda: connection.is_connected,
            forward,
        )
        reports = Reports(office, Transfers(store=store, secret=b"only for tests"))
        try:
            async with anyio.create_task_group() as tasks:
                life = anyio.CancelScope()
                work = (
                    projector.run,
                    office.run,
                    NatsLink(connection, office, reports).run,
                )
                tasks.start_soon(_live, life, work)
                yield Running(office, projector, forward, log, reports, life)
                life.cancel()
        finally:
            await projector.close()
            store.close()


async def _live(
    life: anyio.CancelScope,
    work: Sequence[Callable[[], Coroutine[Any, Any, object]]],
) -> None:
    with life:
        async with anyio.create_task_group() as tasks:
            for each in work:
                tasks.start_soon(each)
