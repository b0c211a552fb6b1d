"""From a command to events: routes it, and holds the rules that span a job and others."""

from typing import assert_never

from msgspec import structs

from orchestrator.domain import client as clients, service as services
from orchestrator.domain.commands import (
    ArchivedJob,
    Asked,
    CancelJob,
    ClientCommand,
    ConfigureService,
    FetchInputs,
    ImportJob,
    JobCommand,
    JoinClient,
    LeaveClient,
    LoseClient,
    ReportEnded,
    ReportLost,
    ReportStarted,
    RetireService,
    ServiceCommand,
    SubmitJob,
    SyncClient,
)
from orchestrator.domain.events import (
    Event,
    JobImported,
    JobSubmitted,
    LossReason,
)
from orchestrator.domain.ids import ClientId
from orchestrator.domain.job import NO_BUNDLE, Ended, JobFacts, JobState, Unknown
from orchestrator.domain.job_decisions import decide as decide_job
from orchestrator.domain.principal import Principal
from orchestrator.errors import (
    ForbiddenError,
    InvalidCommandError,
    UnknownServiceError,
    VersionRefusedError,
)
from orchestrator.writer.state import WriterState

# What this version speaks; see orchestrator.wire.PROTOCOL.
SUPPORTED_PROTOCOLS = (1,)

# A client's departure ends its attempts in the same atomic batch, of at most 1,000.
MOST_SLOTS = 900
_LONGEST_ID = 200
_LONGEST_LABEL = 64
_MOST_LABELS = 16
# So that those that follow are still the original contract's: unsigned 32 bits.
_HIGHEST_IMPORTED = 2**31 - 1


def decide(asked: Asked, state: WriterState, *, version: str) -> list[Event]:
    """Return what happens when this is asked now; nothing means already so.

    Raises:
        CommandRejectedError: it is refused; the subclass has the facts.
    """
    command = asked.command
    match command:
        case SubmitJob():
            return _submit(command, asked.by, state)
        case ImportJob():
            return _import(command, asked.by, state)
        case CancelJob():
            return _cancel(command, asked.by, state)
        case FetchInputs() | ReportStarted() | ReportEnded() | ReportLost():
            return [*decide_job(command, _job(command, state))]
        case JoinClient() | SyncClient() | LeaveClient() | LoseClient():
            return _decide_client(command, state, version)
        case ConfigureService() | RetireService():
            return _decide_service(command, asked.by, state)
        case _:
            assert_never(command)


def _submit(command: SubmitJob, by: Principal, state: WriterState) -> list[Event]:
    if not by.may_touch_jobs_of(command.user):
        raise ForbiddenError(principal=by.id, deed=f"submit for user {command.user}")
    before = _job(command, state)
    if isinstance(before, Unknown):
        _require_service(command, state)
        _require_short(command)
    return [
        structs.replace(event, number=state.numbers.next)
        if isinstance(event, JobSubmitted)
        else event
        for event in decide_job(command, before)
    ]


def _import(command: ImportJob, by: Principal, state: WriterState) -> list[Event]:
    if by.role != "operator":
        raise ForbiddenError(principal=by.id, deed="import a job")
    before = _job(command, state)
    if isinstance(before, Unknown):
        _require_importable(command, state)
    number = state.numbers.for_import(command.number)
    return [
        structs.replace(event, number=number)
        if isinstance(event, JobImported)
        else event
        for event in decide_job(command, before)
    ]


def _require_importable(command: ImportJob, state: WriterState) -> None:
    if not 1 <= command.number <= _HIGHEST_IMPORTED:
        why = f"needs 1 to {_HIGHEST_IMPORTED}"
        raise InvalidCommandError(field="number", why=why)
    for field, text in (("user", command.user), ("service", command.service)):
        if not 1 <= len(text) <= _LONGEST_ID:
            raise InvalidCommandError(field=field, why=f"1 to {_LONGEST_ID} characters")
    if command.state == "queued":
        # What is over may be of a service that is no more.
        _require_service(command, state)


def _require_service(command: SubmitJob | ImportJob, state: WriterState) -> None:
    policy = state.queue.policies.get(command.service)
    if policy is None or policy.retired:
        policies = sorted(state.queue.policies.values(), key=lambda each: each.service)
        known = tuple(each.service for each in policies if not each.retired)
        raise UnknownServiceError(service=command.service, known=known)


def _require_short(command: SubmitJob) -> None:
    # An event's size is known to be small before anything is decided.
    if not 1 <= len(command.user) <= _LONGEST_ID:
        raise InvalidCommandError(field="user", why=f"1 to {_LONGEST_ID} characters")
    if len(command.labels) > _MOST_LABELS:
        raise InvalidCommandError(field="labels", why=f"at most {_MOST_LABELS}")
    for label in command.labels:
        if not 1 <= len(label) <= _LONGEST_LABEL:
            why = f"each 1 to {_LONGEST_LABEL} characters"
            raise InvalidCommandError(field="labels", why=why)


def _cancel(command: CancelJob, by: Principal, state: WriterState) -> list[Event]:
    job = _job(command, state)
    if not isinstance(job, Unknown) and not by.may_touch_jobs_of(job.facts.user):
        raise ForbiddenError(principal=by.id, deed=f"cancel job {command.job_id}")
    return [*decide_job(command, job)]


def _job(command: JobCommand, state: WriterState) -> JobState:
    known = state.job(command.job_id)
    if isinstance(known, Unknown) and command.archived:
        return ended_of(command.archived)
    return known


def ended_of(archived: ArchivedJob) -> Ended:
    """Return the state of a job that memory has let go."""
    return Ended(
        facts=JobFacts(
            job_id=archived.job_id,
            number=archived.number,
            service=archived.service,
            user=archived.user,
            bundle=NO_BUNDLE,
            body_digest=archived.body_digest,
        ),
        state=archived.state,
        attempt=archived.attempt,
        client_id=archived.client_id,
        outcome_digest=archived.outcome_digest,
    )


def _decide_client(
    command: ClientCommand,
    state: WriterState,
    version: str,
) -> list[Event]:
    known = state.clients.joined.get(command.client_id)
    if isinstance(command, JoinClient):
        _require_served(command, version)
    events: list[Event] = [*clients.decide(command, known)]
    if isinstance(command, LeaveClient):
        return events + _lose_all(command.client_id, state, "client_left")
    if isinstance(command, LoseClient):
        return events + _lose_all(command.client_id, state, "client_lost")
    return events


def _require_served(command: JoinClient, version: str) -> None:
    if command.protocol not in SUPPORTED_PROTOCOLS:
        raise VersionRefusedError(client=command.version, server=version)
    if command.slots > MOST_SLOTS:
        raise InvalidCommandError(field="slots", why=f"at most {MOST_SLOTS}")


def _lose_all(
    client_id: ClientId,
    state: WriterState,
    reason: LossReason,
) -> list[Event]:
    events: list[Event] = []
    for job_id, attempt in state.clients.held_by(client_id).items():
        report = ReportLost(
            job_id=job_id,
            client_id=client_id,
            attempt=attempt,
            reason=reason,
        )
        events.extend(decide_job(report, state.job(job_id)))
    return events


def _decide_service(
    command: ServiceCommand,
    by: Principal,
    state: WriterState,
) -> list[Event]:
    if by.role in ("user", "client"):
        raise ForbiddenError(principal=by.id, deed="change a service")
    known = state.queue.policies.get(command.service)
    if command.source == "settings" and known and known.source == "api":
        return []  # what was set through the API is the API's from then on
    return [*services.decide(command, known)]
