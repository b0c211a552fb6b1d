"""One job: which states it has, and what each event makes of it."""

import hashlib
from typing import assert_never

import msgspec
from msgspec import Struct, structs

from orchestrator.domain.events import (
    AttemptLost,
    Bundle,
    Event,
    JobAssigned,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobImported,
    JobStarted,
    JobStopRequested,
    JobSubmitted,
    Results,
)
from orchestrator.domain.ids import (
    BundleId,
    ClientId,
    Incarnation,
    JobId,
    ServiceName,
    Timestamp,
    UserId,
)
from orchestrator.domain.instant import unix_ms

# Of an imported job that was over: what it was submitted with is in its results.
NO_BUNDLE = Bundle(bundle_id=BundleId(""), sha256="", size=0)


# gc=False: no cycle can be made of these, and a collection that visits the states of
# 100,000 live jobs was measured to stop the writer for a tenth of a second.
class JobFacts(Struct, frozen=True, kw_only=True, gc=False):
    """What a job was born with and keeps."""

    job_id: JobId
    number: int
    service: ServiceName
    user: UserId
    bundle: Bundle
    body_digest: str


class Unknown(Struct, frozen=True, tag="unknown"):
    """Nothing has happened yet."""


class Queued(Struct, frozen=True, kw_only=True, gc=False, tag="queued"):
    """The job waits for a client; `attempt` counts those it has had."""

    facts: JobFacts
    attempt: int
    since_ms: int  # Unix time, milliseconds


class Assigned(Struct, frozen=True, kw_only=True, gc=False, tag="assigned"):
    """A client was given the job and has not claimed it yet."""

    facts: JobFacts
    attempt: int
    client_id: ClientId


class Running(Struct, frozen=True, kw_only=True, gc=False, tag="running"):
    """A client has claimed the attempt and runs it."""

    facts: JobFacts
    attempt: int
    client_id: ClientId
    incarnation: Incarnation
    cancel_requested: bool = False
    stop_requested: bool = False


class Ended(Struct, frozen=True, kw_only=True, gc=False, tag="ended"):
    """The job has ended, for good."""

    facts: JobFacts
    state: str  # completed, failed, cancelled, invalid; imported also: cleaned
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
    match state:
        case Unknown():
            return _begun(event, at) or state
        case Ended():
            # The log holds no such event; terminal is final all the same.
            return state
        case _:
            return _evolve_live(state, event, at)


def _begun(event: JobEvent, at: Timestamp) -> JobState | None:
    if isinstance(event, JobSubmitted):
        return _born(event, at)
    return _imported(event, at) if isinstance(event, JobImported) else None


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


def _imported(event: JobImported, at: Timestamp) -> JobState:
    facts = JobFacts(
        job_id=event.job_id,
        number=event.number,
        service=event.service,
        user=event.user,
        bundle=event.bundle or NO_BUNDLE,
        body_digest="",  # of no submission
    )
    if event.state == "queued" and event.violation is None:
        return Queued(facts=facts, attempt=0, since_ms=unix_ms(at))
    return Ended(
        facts=facts,
        state="invalid" if event.violation else event.state,
        attempt=imported_attempt(event),
        client_id=None,
        outcome_digest="",
    )


def imported_attempt(event: JobImported) -> int:
    """Return the attempt whose results an imported job's are kept as; 0 for none."""
    return 1 if event.results else 0


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
        case JobSubmitted() | JobImported():
            return state
        case _:
            assert_never(event)


def is_end(event: Event) -> bool:
    """Say whether a job is over with this event."""
    match event:
        case JobCompleted() | JobFailed() | JobCancelled():
            return True
        case JobSubmitted():
            return event.violation is not None
        case JobImported():
            return event.state != "queued" or event.violation is not None
        case _:
            return False


def _flagged(state: LiveState, **flags: bool) -> LiveState:
    return structs.replace(state, **flags) if isinstance(state, Running) else state
