"""Everything that can be asked of the writer: imperative, and it may be refused."""

from typing import Literal

from msgspec import Struct

from orchestrator.domain.events import (
    Bundle,
    FailureReason,
    ImportedState,
    ImportReason,
    LossReason,
    Results,
    Usage,
    Violation,
)
from orchestrator.domain.ids import (
    ClientId,
    CommandId,
    Incarnation,
    JobId,
    ServiceName,
    Timestamp,
    UserId,
)
from orchestrator.domain.principal import Principal


class ArchivedJob(Struct, frozen=True, kw_only=True):
    """What must be known of a job that has ended and left memory.

    Whoever leads looks it up in the read model, just before it decides.
    """

    job_id: JobId
    number: int
    service: ServiceName
    user: UserId
    body_digest: str
    state: str  # completed, failed, cancelled, invalid
    attempt: int
    client_id: ClientId | None
    outcome_digest: str  # of the accepted report; see domain.job.outcome_digest
    position: int  # of its terminal event


class SubmitJob(Struct, frozen=True, kw_only=True, tag="submit_job"):
    """Queue a job whose bundle is already stored durably."""

    job_id: JobId
    service: ServiceName
    user: UserId
    bundle: Bundle
    body_digest: str
    labels: tuple[str, ...] = ()
    violation: Violation | None = None
    warnings: tuple[Violation, ...] = ()
    is_new: bool = False  # its id was drawn for it: no ended job can have it
    archived: ArchivedJob | None = None


class ImportJob(Struct, frozen=True, kw_only=True, tag="import_job"):
    """Take over a job of the original; one that was taken over stays as it is."""

    job_id: JobId
    number: int  # the original's
    service: ServiceName
    user: UserId
    state: ImportedState
    created_at: Timestamp | None = None
    reason: ImportReason | None = None
    bundle: Bundle | None = None
    results: Results | None = None
    violation: Violation | None = None
    warnings: tuple[Violation, ...] = ()
    archived: ArchivedJob | None = None


class CancelJob(Struct, frozen=True, kw_only=True, tag="cancel_job"):
    """End a job, whatever it is doing."""

    job_id: JobId
    archived: ArchivedJob | None = None


class FetchInputs(Struct, frozen=True, kw_only=True, tag="fetch_inputs"):
    """Ask whether an attempt is still current, before its inputs are fetched."""

    job_id: JobId
    client_id: ClientId
    attempt: int
    archived: ArchivedJob | None = None


class ReportStarted(Struct, frozen=True, kw_only=True, tag="report_started"):
    """Claim an attempt: its process starts only when this was accepted."""

    job_id: JobId
    client_id: ClientId
    attempt: int
    incarnation: Incarnation
    archived: ArchivedJob | None = None


class ReportEnded(Struct, frozen=True, kw_only=True, tag="report_ended"):
    """Say how an attempt ended and name the results that were uploaded."""

    job_id: JobId
    client_id: ClientId
    attempt: int
    exit_code: int | None = None
    signal: int | None = None
    failure: FailureReason | None = None  # when no process ended
    results: Results | None = None
    usage: Usage | None = None
    archived: ArchivedJob | None = None


class ReportLost(Struct, frozen=True, kw_only=True, tag="report_lost"):
    """Say that nobody runs an attempt any more."""

    job_id: JobId
    client_id: ClientId
    attempt: int
    reason: LossReason = "reported"
    archived: ArchivedJob | None = None


class JoinClient(Struct, frozen=True, kw_only=True, tag="join_client"):
    """Offer a client's slots."""

    client_id: ClientId
    incarnation: Incarnation
    name: str
    version: str
    protocol: int
    slots: int
    services: tuple[ServiceName, ...] = ()


class SyncClient(Struct, frozen=True, kw_only=True, tag="sync_client"):
    """Ask which attempts the log gives to a client."""

    client_id: ClientId
    incarnation: Incarnation


class LeaveClient(Struct, frozen=True, kw_only=True, tag="leave_client"):
    """Take a client's slots back; what it still held is queued again."""

    client_id: ClientId
    incarnation: Incarnation


class LoseClient(Struct, frozen=True, kw_only=True, tag="lose_client"):
    """Give up a client that was silent beyond lease and grace (a duty)."""

    client_id: ClientId
    incarnation: Incarnation
    silent_ms: int


class ConfigureService(Struct, frozen=True, kw_only=True, tag="configure_service"):
    """Set a service's limits, and create it where it does not exist."""

    service: ServiceName
    runs_per_user: int
    max_runs: int
    source: Literal["settings", "api"]


class RetireService(Struct, frozen=True, kw_only=True, tag="retire_service"):
    """Take no new jobs of a service."""

    service: ServiceName
    source: Literal["settings", "api"]


type JobCommand = (
    SubmitJob
    | ImportJob
    | CancelJob
    | FetchInputs
    | ReportStarted
    | ReportEnded
    | ReportLost
)
type ClientCommand = JoinClient | SyncClient | LeaveClient | LoseClient
type ServiceCommand = ConfigureService | RetireService
type Command = JobCommand | ClientCommand | ServiceCommand


class Asked(Struct, frozen=True, kw_only=True):
    """A command with who asks it, and the id that makes sending it again harmless."""

    command_id: CommandId
    by: Principal
    command: Command
