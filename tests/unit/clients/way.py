"""The way of an attempt, signal by signal, and attempts that have gone part of it."""

from clients.attempt import Holder
from clients.attempts import Attempts
from clients.executors.executor import Outcome
from clients.inputs import (
    Answered,
    Assigned,
    AttemptKey,
    Collected,
    Failed,
    InputsReady,
    Level,
    OfAttempt,
    ProcessEnded,
    ProcessStarted,
    Removed,
    ResultsDelivered,
    Settled,
)
from orchestrator.domain.events import Results
from orchestrator.domain.ids import ClientId, Incarnation
from orchestrator.wire import (
    Accepted,
    Answer,
    Ended,
    Fetch,
    HeldAttempt,
    Lost,
    Refused,
    Started,
)
from tests.fakes.hub_rules import fetched, key

CLIENT = ClientId("client-a")
KEY = key()
FETCH = Fetch(client_id=CLIENT, job_id=KEY[0], attempt=1)
CLAIM = Started(
    client_id=CLIENT, job_id=KEY[0], attempt=1, incarnation=Incarnation("one")
)
LOST = Lost(client_id=CLIENT, job_id=KEY[0], attempt=1)
SPAWN_FAILED = Ended(client_id=CLIENT, job_id=KEY[0], attempt=1, failure="spawn_failed")
RESULTS = Results(manifest_sha256="ab", size=3, files=1)
ACCEPTED = Accepted(position=20)
UNKNOWN = Refused(code="unknown_client", message="join first")
ASSIGNED = Assigned(key=KEY, position=10)
GONE = Failed(key=KEY, problem="gone")
# The way of an attempt, up to each phase.
WAY: list[Assigned | Answered | OfAttempt] = [
    ASSIGNED,
    Answered(report=FETCH, answer=fetched()),
    InputsReady(key=KEY),
    Answered(report=CLAIM, answer=ACCEPTED),
    ProcessStarted(key=KEY),
    ProcessEnded(key=KEY, outcome=Outcome(job_id=KEY[0], attempt=1, exit_code=3)),
    Collected(key=KEY, results=RESULTS),
    ResultsDelivered(key=KEY),
    Settled(key=KEY),
    Removed(key=KEY),
]
FETCHING, DOWNLOADING, CLAIMING, STARTING, RUNNING = range(1, 6)
COLLECTING, DELIVERING, REPORTING, REMOVING, GONE_BY = range(6, 11)


def attempts(*, slots: int = 2, reported: list[AttemptKey] | None = None) -> Attempts:
    """Return the attempts of a client that has none yet."""
    holder = Holder(client_id=CLIENT, incarnation=Incarnation("one"))
    return Attempts(holder=holder, slots=slots, reported=reported or [])


def at(phase: int, *, slots: int = 2) -> Attempts:
    """Return attempts of which one has come to a phase."""
    found = attempts(slots=slots)
    for signal in WAY[:phase]:
        found.step(signal, 0.0)
    return found


def level(*, position: int = 50, started: bool = True, stop: bool = False) -> Level:
    """Return the word of the log that the attempt is this client's."""
    held = HeldAttempt(job_id=KEY[0], attempt=1, started=started, stop_requested=stop)
    return Level(position=position, attempts=(held,))


def ended(
    *, signal: int | None = None, stopped: bool = False, failure: str | None = None
) -> ProcessEnded:
    """Return how the process ended."""
    outcome = Outcome(
        job_id=KEY[0], attempt=1, signal=signal, stopped=stopped, failure=failure
    )
    return ProcessEnded(key=KEY, outcome=outcome)


def claim_answer(answer: Answer | None) -> Answered:
    """Return what the hub says to the claim."""
    return Answered(report=CLAIM, answer=answer)
