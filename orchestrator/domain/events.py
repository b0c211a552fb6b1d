"""Everything that can have happened; the log holds nothing else.

Fields are only ever added, with a default; a tag is never reused. No free text of
users: codes, numbers, digests and short labels only.
"""

from typing import Literal

from msgspec import Struct

from orchestrator.domain.ids import (
    BundleId,
    ClientId,
    CommandId,
    Incarnation,
    JobId,
    PrincipalId,
    ServiceName,
    Timestamp,
    UserId,
)


class Bundle(Struct, frozen=True, kw_only=True):
    """The files of one upload, stored as one zip under a random id."""

    bundle_id: BundleId
    sha256: str
    size: int  # bytes


class Violation(Struct, frozen=True, kw_only=True):
    """A rule that `run.sh` breaks, and the line that does."""

    rule: str
    line: int | None = None


class Results(Struct, frozen=True, kw_only=True):
    """What an attempt left behind; valid only because a terminal event names it."""

    manifest_sha256: str
    size: int  # bytes of the archive
    files: int


class Usage(Struct, frozen=True, kw_only=True):
    """What an attempt consumed, as its supervisor measured it."""

    wall_ms: int
    user_cpu_ms: int
    system_cpu_ms: int
    max_rss_kib: int


class AssignmentReason(Struct, frozen=True, kw_only=True):
    """The numbers that the plan saw: enough to recompute its decision.

    Counts are before this assignment; tags are the fair queue's virtual time.
    """

    user_running: int
    runs_per_user: int
    service_running: int
    max_runs: int
    flow_tag: int
    flow_tag_after: int
    virtual_time: int
    service_tag: int
    waited_ms: int
    free_slots: int


type FailureReason = Literal["exit_code", "signal", "spawn_failed", "unkillable"]
type LossReason = Literal["client_lost", "client_rejoined", "client_left", "reported"]
type ImportedState = Literal[
    "queued",
    "completed",
    "failed",
    "cancelled",
    "invalid",
    "cleaned",
]
type ImportReason = Literal["imported_unfinished", "results_missing"]


class JobSubmitted(Struct, frozen=True, kw_only=True, tag="job.submitted"):
    """A portal handed a job in; with a violation it is Invalid and never runs."""

    job_id: JobId
    number: int  # the original contract's id; given by the writer, never reused
    service: ServiceName
    user: UserId
    bundle: Bundle
    body_digest: str  # tells a repeated submission from another with the same key
    labels: tuple[str, ...] = ()
    violation: Violation | None = None
    warnings: tuple[Violation, ...] = ()  # rules that its script breaks, and may


class JobImported(Struct, frozen=True, kw_only=True, tag="job.imported"):
    """A job of the original was brought over: over as it was there, or to be run.

    With a violation it was to be run, and never will be.
    """

    job_id: JobId
    number: int  # the original's, where nobody had it
    original_number: int
    service: ServiceName
    user: UserId
    state: ImportedState
    created_at: Timestamp | None = None  # when the original took it
    reason: ImportReason | None = None
    bundle: Bundle | None = None  # of one that is to be run
    results: Results | None = None  # kept as those of attempt 1
    violation: Violation | None = None
    warnings: tuple[Violation, ...] = ()


class JobAssigned(Struct, frozen=True, kw_only=True, tag="job.assigned"):
    """The plan gave the job to a client, which begins a new attempt."""

    job_id: JobId
    service: ServiceName
    user: UserId
    client_id: ClientId
    attempt: int
    reason: AssignmentReason


class JobStarted(Struct, frozen=True, kw_only=True, tag="job.started"):
    """The client claimed the attempt: from here on the job is Running."""

    job_id: JobId
    service: ServiceName
    client_id: ClientId
    attempt: int
    incarnation: Incarnation


class JobCompleted(Struct, frozen=True, kw_only=True, tag="job.completed"):
    """The attempt ended with exit code 0 and its results were accepted."""

    job_id: JobId
    service: ServiceName
    client_id: ClientId
    attempt: int
    results: Results
    usage: Usage | None = None


class JobFailed(Struct, frozen=True, kw_only=True, tag="job.failed"):
    """The attempt ended badly; what it left is kept."""

    job_id: JobId
    service: ServiceName
    client_id: ClientId
    attempt: int
    reason: FailureReason
    exit_code: int | None = None
    signal: int | None = None
    results: Results | None = None
    usage: Usage | None = None


class AttemptLost(Struct, frozen=True, kw_only=True, tag="job.attempt_lost"):
    """Nobody runs the attempt any more: the job is queued again."""

    job_id: JobId
    service: ServiceName
    client_id: ClientId
    attempt: int
    reason: LossReason


class JobCancelRequested(Struct, frozen=True, kw_only=True, tag="job.cancel_requested"):
    """Somebody wants the job ended; every ending is now a cancellation."""

    job_id: JobId
    service: ServiceName


class JobStopRequested(Struct, frozen=True, kw_only=True, tag="job.stop_requested"):
    """The client that holds a cancelled job's attempt is told to stop it."""

    job_id: JobId
    service: ServiceName
    client_id: ClientId
    attempt: int


class JobCancelled(Struct, frozen=True, kw_only=True, tag="job.cancelled"):
    """The job ended because it was cancelled; what its attempt left is kept."""

    job_id: JobId
    service: ServiceName
    attempt: int  # 0 when it never had one
    client_id: ClientId | None = None
    exit_code: int | None = None
    signal: int | None = None
    results: Results | None = None
    usage: Usage | None = None


class ServiceConfigured(Struct, frozen=True, kw_only=True, tag="service.configured"):
    """A service exists with these limits from here on."""

    service: ServiceName
    runs_per_user: int  # concurrent jobs of one user
    max_runs: int  # concurrent jobs of all users
    source: Literal["settings", "api"]


class ServiceRetired(Struct, frozen=True, kw_only=True, tag="service.retired"):
    """The service takes no new jobs; those it has are finished."""

    service: ServiceName
    source: Literal["settings", "api"]


class ClientJoined(Struct, frozen=True, kw_only=True, tag="client.joined"):
    """A client, or a new incarnation of one, offers its slots."""

    client_id: ClientId
    incarnation: Incarnation
    name: str  # a label that its operator chose
    version: str
    slots: int
    services: tuple[ServiceName, ...] = ()  # empty: all


class ClientLeft(Struct, frozen=True, kw_only=True, tag="client.left"):
    """The client said goodbye: it gets no more work."""

    client_id: ClientId
    incarnation: Incarnation


class ClientLost(Struct, frozen=True, kw_only=True, tag="client.lost"):
    """The leader has not heard the client for its lease and grace."""

    client_id: ClientId
    incarnation: Incarnation
    silent_ms: int


class WriterElected(Struct, frozen=True, kw_only=True, tag="writer.elected"):
    """A server leads from here on; its term is this event's position."""

    server_id: str
    version: str
    previous_term: int  # position of the writer.elected before, 0 if none


type JobEvent = (
    JobSubmitted
    | JobImported
    | JobAssigned
    | JobStarted
    | JobCompleted
    | JobFailed
    | AttemptLost
    | JobCancelRequested
    | JobStopRequested
    | JobCancelled
)
type ServiceEvent = ServiceConfigured | ServiceRetired
type ClientEvent = ClientJoined | ClientLeft | ClientLost
type Event = JobEvent | ServiceEvent | ClientEvent | WriterElected


class Recorded[E](Struct, frozen=True, kw_only=True):
    """An event in the envelope that the writer puts around it."""

    at: Timestamp  # the writer's time: never goes back, never stands still
    by: PrincipalId
    command_id: CommandId
    event: E
