"""What is known of each job: the view, and what every event makes of it."""

from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct, structs

from orchestrator.domain.events import (
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
    ClientId,
    Incarnation,
    JobId,
    Position,
    ServiceName,
    UserId,
)
from orchestrator.domain.job import NO_BUNDLE, imported_attempt, outcome_digest
from projections.projection import Projection

type JobWord = Literal[
    "queued",
    "assigned",
    "running",
    "completed",
    "failed",
    "cancelled",
    "invalid",
    "cleaned",
]

ENDED: frozenset[JobWord] = frozenset(
    {"completed", "failed", "cancelled", "invalid", "cleaned"},
)


class JobView(Struct, frozen=True, kw_only=True, gc=False):
    """A job as its events up to `position` tell it."""

    job_id: JobId
    number: int
    service: ServiceName
    user: UserId
    state: JobWord
    attempt: int = 0
    client_id: ClientId | None = None
    incarnation: Incarnation | None = None
    submitted_position: Position  # the order of lists, and their cursor
    submitted_at: datetime
    assigned_at: datetime | None = None  # these three: of the last attempt
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_requested: bool = False
    reason: str | None = None  # a code; for an invalid job the rule
    line: int | None = None  # of `run.sh`, for an invalid job
    exit_code: int | None = None
    signal: int | None = None
    labels: tuple[str, ...] = ()
    bundle: Bundle
    results: Results | None = None
    usage: Usage | None = None
    body_digest: str
    outcome_digest: str = ""  # of the report that ended it
    position: Position
    original_number: int | None = None  # of an imported job
    warnings: tuple[Violation, ...] = ()  # of the script policy

    @property
    def ended(self) -> bool:
        """Whether the job's state is final."""
        return self.state in ENDED


def key(event: Event) -> JobId | None:
    """Return the job that an event is about."""
    match event:
        case (
            ServiceConfigured()
            | ServiceRetired()
            | ClientJoined()
            | ClientLeft()
            | ClientLost()
            | WriterElected()
        ):
            return None
        case _:
            return event.job_id


def evolve(
    view: JobView | None,
    position: Position,
    recorded: Recorded[Event],
) -> JobView | None:
    """Return the view after an event; what has ended does not change any more."""
    event = recorded.event
    if view is None:
        if isinstance(event, JobSubmitted):
            return _submitted(event, position, recorded.at)
        if isinstance(event, JobImported):
            return _imported(event, position, recorded.at)
        return None
    return view if view.ended else _evolve(view, position, recorded)


def _submitted(event: JobSubmitted, position: Position, at: datetime) -> JobView:
    violation = event.violation
    return JobView(
        job_id=event.job_id,
        number=event.number,
        service=event.service,
        user=event.user,
        state="invalid" if violation else "queued",
        submitted_position=position,
        submitted_at=at,
        ended_at=at if violation else None,
        reason=violation.rule if violation else None,
        line=violation.line if violation else None,
        labels=event.labels,
        warnings=event.warnings,
        bundle=event.bundle,
        body_digest=event.body_digest,
        position=position,
    )


def _imported(event: JobImported, position: Position, at: datetime) -> JobView:
    violation = event.violation
    is_over = event.state != "queued" or violation is not None
    return JobView(
        job_id=event.job_id,
        number=event.number,
        service=event.service,
        user=event.user,
        state="invalid" if violation else event.state,
        attempt=imported_attempt(event),
        submitted_position=position,
        submitted_at=event.created_at or at,
        ended_at=at if is_over else None,
        reason=violation.rule if violation else event.reason,
        line=violation.line if violation else None,
        warnings=event.warnings,
        bundle=event.bundle or NO_BUNDLE,
        results=event.results,
        body_digest="",
        position=position,
        original_number=event.original_number,
    )


def _evolve(view: JobView, position: Position, recorded: Recorded[Event]) -> JobView:
    event = recorded.event
    match event:
        case JobAssigned() | JobStarted() | AttemptLost():
            return _attempted(view, event, position, recorded.at)
        case JobCompleted() | JobFailed() | JobCancelled():
            return _ended(view, event, position, recorded.at)
        case JobCancelRequested():
            return structs.replace(view, cancel_requested=True, position=position)
        case JobStopRequested():
            return structs.replace(view, position=position)
        case (
            JobSubmitted()
            | JobImported()
            | ServiceConfigured()
            | ServiceRetired()
            | ClientJoined()
            | ClientLeft()
            | ClientLost()
            | WriterElected()
        ):
            return view
        case _:
            assert_never(event)


def _attempted(
    view: JobView,
    event: JobAssigned | JobStarted | AttemptLost,
    position: Position,
    at: datetime,
) -> JobView:
    match event:
        case JobAssigned():
            return structs.replace(
                view,
                state="assigned",
                attempt=event.attempt,
                client_id=event.client_id,
                incarnation=None,
                assigned_at=at,
                started_at=None,
                reason=None,
                position=position,
            )
        case JobStarted():
            return structs.replace(
                view,
                state="running",
                attempt=event.attempt,
                client_id=event.client_id,
                incarnation=event.incarnation,
                started_at=at,
                position=position,
            )
        case AttemptLost():
            return structs.replace(
                view,
                state="queued",
                attempt=event.attempt,
                client_id=None,
                incarnation=None,
                assigned_at=None,
                started_at=None,
                reason=event.reason,
                position=position,
            )
        case _:
            assert_never(event)


def _ended(
    view: JobView,
    event: JobCompleted | JobFailed | JobCancelled,
    position: Position,
    at: datetime,
) -> JobView:
    state, reason, exit_code, signal = _outcome(event)
    return structs.replace(
        view,
        state=state,
        attempt=event.attempt,
        client_id=event.client_id,
        ended_at=at,
        reason=reason,
        exit_code=exit_code,
        signal=signal,
        results=event.results,
        usage=event.usage,
        outcome_digest=outcome_digest(event),
        position=position,
    )


def _outcome(
    event: JobCompleted | JobFailed | JobCancelled,
) -> tuple[JobWord, str | None, int | None, int | None]:
    match event:
        case JobCompleted():
            return "completed", None, 0, None
        case JobFailed():
            return "failed", event.reason, event.exit_code, event.signal
        case JobCancelled():
            return "cancelled", None, event.exit_code, event.signal
        case _:
            assert_never(event)


JOBS = Projection[JobId, JobView](name="jobs-v2", key=key, evolve=evolve)
