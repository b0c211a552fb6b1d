"""Logs of a given size, written at once: what a site would have after long use."""

from collections.abc import Iterable, Iterator
from itertools import batched

from orchestrator import clock, codec
from orchestrator.domain.events import (
    AssignmentReason,
    Bundle,
    ClientJoined,
    Event,
    JobAssigned,
    JobCompleted,
    JobStarted,
    JobSubmitted,
    Recorded,
    Results,
    ServiceConfigured,
    Usage,
    WriterElected,
)
from orchestrator.domain.ids import (
    BundleId,
    ClientId,
    CommandId,
    Incarnation,
    JobId,
    PrincipalId,
    ServiceName,
    UserId,
)
from orchestrator.domain.subjects import subject_of
from orchestrator.event_log.jetstream import open_jetstream
from orchestrator.event_log.port import Draft, EventLog

SERVICE = ServiceName("bench")
CLIENT = ClientId("client-of-the-benchmark")
LIFE = Incarnation("life-of-the-benchmark")
_BATCH = 1_000
_USERS = 50
_RESULTS = Results(manifest_sha256="cd" * 32, size=5_678, files=3)
_USAGE = Usage(wall_ms=1_000, user_cpu_ms=900, system_cpu_ms=50, max_rss_kib=4_096)


async def write_queued(nats_url: str, jobs: int) -> None:
    """Fill an empty log with jobs that wait."""
    await _write(nats_url, (_submitted(number) for number in range(1, jobs + 1)))


async def write_completed(nats_url: str, jobs: int) -> int:
    """Fill an empty log with jobs that have completed; return how long it is."""
    events = (event for number in range(1, jobs + 1) for event in lifecycle(number))
    return await _write(nats_url, events)


def lifecycle(number: int) -> Iterator[Event]:
    """Yield what happens to a job that completes."""
    submitted = _submitted(number)
    job_id = submitted.job_id
    yield submitted
    yield JobAssigned(
        job_id=job_id,
        service=SERVICE,
        user=submitted.user,
        client_id=CLIENT,
        attempt=1,
        reason=_reason(number),
    )
    yield JobStarted(
        job_id=job_id,
        service=SERVICE,
        client_id=CLIENT,
        attempt=1,
        incarnation=LIFE,
    )
    yield JobCompleted(
        job_id=job_id,
        service=SERVICE,
        client_id=CLIENT,
        attempt=1,
        results=_RESULTS,
        usage=_USAGE,
    )


def draft(event: Event) -> Draft:
    """Return an event as the writer would append it."""
    recorded = Recorded(
        at=clock.now().wall,
        by=PrincipalId("portal"),
        command_id=CommandId(clock.new_id() if isinstance(event, JobSubmitted) else ""),
        event=event,
    )
    return Draft(subject_of(event), codec.encode(recorded))


async def _write(nats_url: str, events: Iterable[Event]) -> int:
    async with open_jetstream(nats_url) as log:
        end = await log.append([draft(event) for event in _beginning()], expected=0)
        return await _append(log, events, end)


async def _append(log: EventLog, events: Iterable[Event], end: int) -> int:
    for batch in batched(map(draft, events), _BATCH):
        end = await log.append(batch, expected=end)
    return end


def _beginning() -> Iterator[Event]:
    yield WriterElected(server_id="before", version="0.1.0", previous_term=0)
    yield ServiceConfigured(
        service=SERVICE, runs_per_user=100_000, max_runs=100_000, source="settings"
    )
    yield ClientJoined(
        client_id=CLIENT,
        incarnation=LIFE,
        name="benchmark",
        version="0.1.0",
        slots=1,
        services=(ServiceName("another"),),
    )


def _submitted(number: int) -> JobSubmitted:
    return JobSubmitted(
        job_id=JobId(clock.new_id()),
        number=number,
        service=SERVICE,
        user=UserId(f"user-{number % _USERS}"),
        bundle=Bundle(
            bundle_id=BundleId(clock.new_id()), sha256=f"{number:064x}", size=1_234
        ),
        body_digest=f"{number:064x}",
    )


def _reason(number: int) -> AssignmentReason:
    return AssignmentReason(
        user_running=0,
        runs_per_user=100_000,
        service_running=0,
        max_runs=100_000,
        flow_tag=number,
        flow_tag_after=number + 1,
        virtual_time=number,
        service_tag=number,
        waited_ms=12,
        free_slots=1,
    )
