"""One of everything: tests spell out only what they are about and take the rest here."""

from datetime import UTC, datetime, timedelta

from msgspec import structs

from orchestrator.domain.commands import (
    Asked,
    CancelJob,
    Command,
    ConfigureService,
    JoinClient,
    ReportEnded,
    ReportStarted,
    SubmitJob,
)
from orchestrator.domain.events import (
    AssignmentReason,
    AttemptLost,
    Bundle,
    ClientJoined,
    ClientLeft,
    ClientLost,
    Event,
    JobAssigned,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobImported,
    JobStarted,
    JobStopRequested,
    JobSubmitted,
    Recorded,
    Results,
    ServiceConfigured,
    ServiceRetired,
    Usage,
    Violation,
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
from orchestrator.domain.instant import Instant
from orchestrator.domain.principal import Principal

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = JobId("job-1")
ECHO = ServiceName("echo")
ADA = UserId("ada")
BOB = UserId("bob")
CLIENT = ClientId("client-1")
OTHER_CLIENT = ClientId("client-2")
FIRST_LIFE = Incarnation("life-1")
SECOND_LIFE = Incarnation("life-2")
BUNDLE = Bundle(bundle_id=BundleId("bundle-1"), sha256="ab" * 32, size=1_234)
RESULTS = Results(manifest_sha256="cd" * 32, size=5_678, files=3)
USAGE = Usage(wall_ms=1_000, user_cpu_ms=900, system_cpu_ms=50, max_rss_kib=4_096)
REASON = AssignmentReason(
    user_running=0,
    runs_per_user=5,
    service_running=0,
    max_runs=10,
    flow_tag=0,
    flow_tag_after=1,
    virtual_time=0,
    service_tag=0,
    waited_ms=12,
    free_slots=4,
)
PORTAL = Principal(id=PrincipalId("portal"), role="portal")
OPERATOR = Principal(id=PrincipalId("operator"), role="operator")

SUBMITTED = JobSubmitted(
    job_id=JOB,
    number=1,
    service=ECHO,
    user=ADA,
    bundle=BUNDLE,
    body_digest="body-1",
    labels=("batch-7",),
)
REFUSED = structs.replace(
    SUBMITTED, labels=(), violation=Violation(rule="missing-run-sh")
)
IMPORTED = JobImported(
    job_id=JOB,
    number=1,
    original_number=1,
    service=ECHO,
    user=ADA,
    state="completed",
    created_at=T0,
    results=RESULTS,
)
ASSIGNED = JobAssigned(
    job_id=JOB,
    service=ECHO,
    user=ADA,
    client_id=CLIENT,
    attempt=1,
    reason=REASON,
)
STARTED = JobStarted(
    job_id=JOB,
    service=ECHO,
    client_id=CLIENT,
    attempt=1,
    incarnation=FIRST_LIFE,
)
COMPLETED = JobCompleted(
    job_id=JOB,
    service=ECHO,
    client_id=CLIENT,
    attempt=1,
    results=RESULTS,
    usage=USAGE,
)
FAILED = JobFailed(
    job_id=JOB,
    service=ECHO,
    client_id=CLIENT,
    attempt=1,
    reason="exit_code",
    exit_code=3,
    results=RESULTS,
    usage=USAGE,
)
LOST = AttemptLost(
    job_id=JOB,
    service=ECHO,
    client_id=CLIENT,
    attempt=1,
    reason="client_lost",
)
CANCEL_REQUESTED = JobCancelRequested(job_id=JOB, service=ECHO)
STOP_REQUESTED = JobStopRequested(
    job_id=JOB,
    service=ECHO,
    client_id=CLIENT,
    attempt=1,
)
CANCELLED = JobCancelled(
    job_id=JOB,
    service=ECHO,
    client_id=CLIENT,
    attempt=1,
    signal=15,
    results=RESULTS,
    usage=USAGE,
)
CONFIGURED = ServiceConfigured(
    service=ECHO,
    runs_per_user=5,
    max_runs=10,
    source="settings",
)
RETIRED = ServiceRetired(service=ECHO, source="api")
JOINED = ClientJoined(
    client_id=CLIENT,
    incarnation=FIRST_LIFE,
    name="bench",
    version="0.1.0",
    slots=4,
    services=(ECHO,),
)
LEFT = ClientLeft(client_id=CLIENT, incarnation=FIRST_LIFE)
CLIENT_LOST = ClientLost(
    client_id=CLIENT,
    incarnation=FIRST_LIFE,
    silent_ms=15_001,
)
ELECTED = WriterElected(server_id="server-1", version="0.1.0", previous_term=0)

ONE_OF_EACH: tuple[Event, ...] = (
    SUBMITTED,
    ASSIGNED,
    STARTED,
    COMPLETED,
    FAILED,
    LOST,
    CANCEL_REQUESTED,
    STOP_REQUESTED,
    CANCELLED,
    CONFIGURED,
    RETIRED,
    JOINED,
    LEFT,
    CLIENT_LOST,
    ELECTED,
    IMPORTED,
)


def submit(job_id: JobId = JOB, user: UserId = ADA, body: str = "body-1") -> SubmitJob:
    """Return a submission."""
    return SubmitJob(
        job_id=job_id,
        service=ECHO,
        user=user,
        bundle=BUNDLE,
        body_digest=body,
        labels=("batch-7",),
    )


def started(attempt: int = 1, incarnation: Incarnation = FIRST_LIFE) -> ReportStarted:
    """Return a claim."""
    return ReportStarted(
        job_id=JOB,
        client_id=CLIENT,
        attempt=attempt,
        incarnation=incarnation,
    )


def ended(
    attempt: int = 1, exit_code: int | None = 0, signal: int | None = None
) -> ReportEnded:
    """Return the report of an ending."""
    return ReportEnded(
        job_id=JOB,
        client_id=CLIENT,
        attempt=attempt,
        exit_code=exit_code,
        signal=signal,
        results=RESULTS,
        usage=USAGE,
    )


def join(
    client_id: ClientId = CLIENT,
    slots: int = 4,
    incarnation: Incarnation = FIRST_LIFE,
) -> JoinClient:
    """Return an offer of slots for every service."""
    return JoinClient(
        client_id=client_id,
        incarnation=incarnation,
        name="bench",
        version="0.1.0",
        protocol=1,
        slots=slots,
    )


def configure(runs_per_user: int = 5, max_runs: int = 10) -> ConfigureService:
    """Return the setting of limits."""
    return ConfigureService(
        service=ECHO,
        runs_per_user=runs_per_user,
        max_runs=max_runs,
        source="settings",
    )


CANCEL = CancelJob(job_id=JOB)


def asked(command: Command, by: Principal = PORTAL, command_id: str = "") -> Asked:
    """Return a command with who asks it."""
    return Asked(command_id=CommandId(command_id), by=by, command=command)


def recorded[E](event: E, seconds: int = 0, by: str = "portal") -> Recorded[E]:
    """Return an event in its envelope."""
    return Recorded(
        at=T0 + timedelta(seconds=seconds),
        by=PrincipalId(by),
        command_id=CommandId(""),
        event=event,
    )


def instant(seconds: float = 0) -> Instant:
    """Return a moment so long after the beginning, on both clocks."""
    return Instant(
        wall=T0 + timedelta(seconds=seconds),
        monotonic_us=1_000_000_000 + int(seconds * 1_000_000),
    )
