"""One job: which states it has, and what each event makes of it."""

import hashlib
from typing import assert_never

import msgspec
from msgspec import Struct, structs

from orchestrator.domain.events import (
    AttemptLost,
    Bundle,
    JobAssigned,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobStarted,
    JobStopRequested,
    JobSubmitted,
    Results,
)
from orchestrator.domain.ids import (
    ClientId,
    Incarnation,
    JobId,
    ServiceName,
    Timestamp,
    UserId,
)
from orchestrator.domain.instant import unix_ms


class JobFacts(Struct, frozen=True, kw_only=True):
    """What a job was born with and keeps."""

    job_id: JobId
    number: int
    service: ServiceName
    user: UserId
    bundle: Bundle
    body_digest: str


class Unknown(Struct, frozen=True, tag="unknown"):
    """Nothing has happened yet."""


class Queued(Struct, frozen=True, kw_only=True, tag="queued"):
    """The job waits for a client; `attempt` counts those it has had."""

    facts: JobFacts
    attempt: int
    since_ms: int  # Unix time, milliseconds


class Assigned(Struct, frozen=True, kw_only=True, tag="assigned"):
    """A client was given the job and has not claimed it yet."""

    facts: JobFacts
    attempt: int
    client_id: ClientId


class Running(Struct, frozen=True, kw_only=True, tag="running"):
    """A client has claimed the attempt and runs it."""

    facts: JobFacts
    attempt: int
    client_id: ClientId
    incarnation: Incarnation
    cancel_requested: bool = False
    stop_requested: bool = False


class Ended(Struct, frozen=True, kw_only=True, tag="ended"):
    """The job has ended, for good."""

    facts: JobFacts
    state: str  # completed, failed, cancelled, invalid
    attempt: int
    client_id: ClientId | None
    outcome_digest: str  # of the report that ended it


_ENDINGS = {
    JobCompleted: "completed",
    JobFailed: "failed",
    JobCancelled: "cancelled",
}

type LiveState = Queued | Assigned | Running
type JobState = Unknown | LiveState | Ended


def digest_of_outcome(
    exit_code: int | None,
    signal: int | None,
    results: Results | None,
) -> str:
    """Return what identifies a report of how an attempt ended (hex)."""
    facts = (exit_code, signal, results)
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def outcome_digest(event: JobCompleted | JobFailed | JobCancelled) -> str:
    """Return what identifies the report that an ending accepted (hex).

    A repeated report with the same digest is answered "accepted" again.
    """
    if isinstance(event, JobCompleted):
        return digest_of_outcome(0, None, event.results)
    return digest_of_outcome(event.exit_code, event.signal, event.results)


def evolve(state: JobState, event: JobEvent, at: Timestamp) -> JobState:
    """Return the state after an event; never fails on what the log can hold."""
    if isinstance(event, JobSubmitted):
        return _born(event, at)
    if isinstance(state, Unknown | Ended):
        # The log holds no such event; terminal is final all the same.
        return state
    return _evolve_live(state, event, at)


def _born(event: JobSubmitted, at: Timestamp) -> JobState:
    facts = JobFacts(
        job_id=event.job_id,
        number=event.number,
        service=event.service,
        user=event.user,
        bundle=event.bundle,
        body_digest=event.body_digest,
    )
    if event.violation:
        return Ended(
            facts=facts,
            state="invalid",
            attempt=0,
            client_id=None,
            outcome_digest="",
        )
    return Queued(facts=facts, attempt=0, since_ms=unix_ms(at))


def _evolve_live(
    state: LiveState,
    event: JobEvent,
    at: Timestamp,
) -> JobState:
    match event:
        case JobAssigned():
            return Assigned(
                facts=state.facts,
                attempt=event.attempt,
                client_id=event.client_id,
            )
        case JobStarted():
            return Running(
                facts=state.facts,
                attempt=event.attempt,
                client_id=event.client_id,
                incarnation=event.incarnation,
            )
        case AttemptLost():
            return Queued(
                facts=state.facts,
                attempt=event.attempt,
                since_ms=unix_ms(at),
            )
        case JobCancelRequested():
            return _flagged(state, cancel_requested=True)
        case JobStopRequested():
            return _flagged(state, stop_requested=True)
        case JobCompleted() | JobFailed() | JobCancelled():
            return Ended(
                facts=state.facts,
                state=_ENDINGS[type(event)],
                attempt=event.attempt,
                client_id=event.client_id,
                outcome_digest=outcome_digest(event),
            )
        case JobSubmitted():
            return state
        case _:
            assert_never(event)


def _flagged(state: LiveState, **flags: bool) -> LiveState:
    return structs.replace(state, **flags) if isinstance(state, Running) else state
