"""How many lifecycles a second the writer alone decides and stores."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from orchestrator import clock
from orchestrator.domain.commands import (
    Asked,
    Command,
    ConfigureService,
    JoinClient,
    ReportEnded,
    ReportStarted,
    SubmitJob,
)
from orchestrator.domain.events import (
    JobCompleted,
    JobSubmitted,
    Recorded,
    WriterElected,
)
from orchestrator.domain.ids import ClientId, CommandId, PrincipalId
from orchestrator.domain.job import Assigned
from orchestrator.domain.principal import Principal
from orchestrator.event_log.jetstream import open_jetstream
from orchestrator.event_log.port import EventLog
from orchestrator.wire import PROTOCOL
from orchestrator.writer.decide import MOST_SLOTS
from orchestrator.writer.duties import Leases
from orchestrator.writer.lead import Lead
from orchestrator.writer.leader import Leader
from orchestrator.writer.state import WriterState
from tests.benchmarks.figure import Baseline, Report, figure
from tests.benchmarks.group_commit import GroupCommit
from tests.benchmarks.history import LIFE, SERVICE, draft, lifecycle
from tests.benchmarks.scale import Scale, machine
from tests.nats_server import NatsServer

_PORTAL = Principal(id=PrincipalId("portal"), role="portal")
_OF_CLIENT = Principal(id=PrincipalId("client"), role="client")
_IN_FLIGHT = {1: 300, 64: 6_000, 1_000: 12_000}
_EVENTS = 4  # submitted, assigned, started, completed
_CLIENTS = 2
_LEASES = Leases(lease_us=3_600_000_000)  # its clients have no heart

type Live = Callable[[int], Awaitable[None]]


async def measure(scale: Scale, report: Report) -> None:
    """Have jobs submitted, assigned, started and completed, without HTTP or files."""
    for in_flight, full in _IN_FLIGHT.items():
        jobs = scale.of(full, least=in_flight)
        ours: list[float] = []
        bare: list[float] = []
        for _ in range(scale.repeats):
            async with _fresh_log() as log, _leading(log) as live:
                ours.append(await _run(live, jobs, in_flight))
            async with _fresh_log() as log, _appending(log) as live:
                bare.append(await _run(live, jobs, in_flight))
        report(
            figure(
                f"writer.events.{in_flight}",
                [_EVENTS * rate for rate in ours],
                "events/s",
                baseline=Baseline(
                    "events/s, bare group commit", [_EVENTS * rate for rate in bare]
                ),
                conditions=f"{machine()}; so many lifecycles in flight, each of "
                f"{_EVENTS} events by 3 commands, one after the other",
            )
        )


async def _run(live: Live, jobs: int, in_flight: int) -> float:
    """Return lifecycles a second."""
    numbers = iter(range(1, jobs + 1))

    async def one_after_the_other() -> None:
        for number in numbers:
            await live(number)

    began = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for _ in range(in_flight):
            tasks.start_soon(one_after_the_other)
    return jobs / (time.monotonic() - began)


@asynccontextmanager
async def _fresh_log() -> AsyncGenerator[EventLog]:
    with TemporaryDirectory(prefix="benchmark-") as directory:
        nats = NatsServer(Path(directory))
        nats.start()
        try:
            async with open_jetstream(nats.url) as log:
                yield log
        finally:
            nats.stop()


@asynccontextmanager
async def _leading(log: EventLog) -> AsyncGenerator[Live]:
    leader = await _leader(log)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leader.run)
        for number in range(_CLIENTS):
            await leader.ask(_asked(_OF_CLIENT, _join(number)))

        async def live(number: int) -> None:
            await _live(leader, number)

        yield live
        tasks.cancel_scope.cancel()


async def _leader(log: EventLog) -> Leader:
    elected = Recorded(
        at=clock.now().wall,
        by=PrincipalId("orchestrator"),
        command_id=CommandId(""),
        event=WriterElected(server_id="bench", version="0.1.0", previous_term=0),
    )
    state = WriterState()
    state.fold(await log.append([draft(elected.event)], expected=0), elected)
    service = ConfigureService(
        service=SERVICE, runs_per_user=100_000, max_runs=100_000, source="settings"
    )
    lead = Lead(
        state,
        now=clock.now(),
        version="0.1.0",
        leases=_LEASES,
        declared=[service],
    )
    # As in a server, where they leave memory once the read model has them.
    return Leader(lead, log, lambda: state.forget_ended(lead.acknowledged))


async def _live(leader: Leader, number: int) -> None:
    """Lead one job through its life, as its portal and its client would."""
    submitted, _, _, completed = lifecycle(number)
    assert isinstance(submitted, JobSubmitted)
    assert isinstance(completed, JobCompleted)
    job_id = submitted.job_id
    await leader.ask(
        _asked(
            _PORTAL,
            SubmitJob(
                job_id=job_id,
                service=SERVICE,
                user=submitted.user,
                bundle=submitted.bundle,
                body_digest=submitted.body_digest,
            ),
        )
    )
    given = leader.lead.state.job(job_id)
    assert isinstance(given, Assigned)
    client_id = given.client_id
    started = ReportStarted(
        job_id=job_id, client_id=client_id, attempt=1, incarnation=LIFE
    )
    await leader.ask(_asked(_OF_CLIENT, started))
    ended = ReportEnded(
        job_id=job_id,
        client_id=client_id,
        attempt=1,
        exit_code=0,
        results=completed.results,
        usage=completed.usage,
    )
    await leader.ask(_asked(_OF_CLIENT, ended))


def _join(number: int) -> JoinClient:
    return JoinClient(
        client_id=ClientId(f"client-{number}"),
        incarnation=LIFE,
        name="benchmark",
        version="0.1.0",
        protocol=PROTOCOL,
        slots=MOST_SLOTS,
    )


def _asked(by: Principal, command: Command) -> Asked:
    return Asked(command_id=CommandId(clock.new_id()), by=by, command=command)


@asynccontextmanager
async def _appending(log: EventLog) -> AsyncGenerator[Live]:
    """Yield what stores the same events with the same grouping, and decides nothing."""
    async with anyio.create_task_group() as tasks:
        commit = GroupCommit(log)
        tasks.start_soon(commit.run)

        async def live(number: int) -> None:
            submitted, assigned, started, completed = map(draft, lifecycle(number))
            await commit.append([submitted, assigned])
            await commit.append([started])
            await commit.append([completed])

        yield live
        tasks.cancel_scope.cancel()
