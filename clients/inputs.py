"""What happens to a client: the inputs of its pure machines."""

from typing import Literal

from msgspec import Struct

from clients.executors.executor import Outcome
from orchestrator.domain.events import Results
from orchestrator.domain.ids import JobId
from orchestrator.wire import (
    Answer,
    Ended,
    Fetch,
    HeartbeatAnswer,
    HeldAttempt,
    Join,
    Lost,
    Started,
    Sync,
)

type AttemptKey = tuple[JobId, int]
# gone: the inputs will never come. unauthorized: ask for a new token first.
# rejected: the server says that our bytes are not what we announced.
type Problem = Literal["gone", "unauthorized", "rejected", "trouble"]
type Final = Ended | Lost


def key_of(report: Fetch | Started | Ended | Lost | HeldAttempt) -> AttemptKey:
    """Return which attempt this is about."""
    return report.job_id, report.attempt


class Begin(Struct, frozen=True, kw_only=True):
    """The agent is ready; these attempts are held by its executor already."""

    held: tuple[AttemptKey, ...] = ()


class Tick(Struct, frozen=True):
    """Time has passed."""


class Reconnected(Struct, frozen=True):
    """The hub is there again: what waited may be tried now."""


class Closing(Struct, frozen=True):
    """The agent is about to exit: begin nothing new."""


class JoinAnswered(Struct, frozen=True, kw_only=True):
    """The hub answered a join or a sync; None: nobody did."""

    report: Join | Sync
    answer: Answer | None


class Beaten(Struct, frozen=True, kw_only=True):
    """The hub answered a heartbeat; None: nobody did."""

    answer: HeartbeatAnswer | None


class Assigned(Struct, frozen=True, kw_only=True):
    """The log gives us an attempt."""

    key: AttemptKey
    position: int


class StopAsked(Struct, frozen=True, kw_only=True):
    """The log says that an attempt of ours must stop."""

    key: AttemptKey


class Delivered(Struct, frozen=True, kw_only=True):
    """A stored message for this client; `previous` is its predecessor's position."""

    position: int
    previous: int
    work: Assigned | StopAsked | None  # None: nothing that we act on


class Level(Struct, frozen=True, kw_only=True):
    """All that the log gives us, as of a position."""

    position: int
    attempts: tuple[HeldAttempt, ...]


class Answered(Struct, frozen=True, kw_only=True):
    """The hub answered a fetch or a claim; None: nobody did."""

    report: Fetch | Started
    answer: Answer | None


class InputsReady(Struct, frozen=True, kw_only=True):
    """The inputs are unpacked in the attempt's workspace."""

    key: AttemptKey


class Failed(Struct, frozen=True, kw_only=True):
    """What was under way for an attempt did not work."""

    key: AttemptKey
    problem: Problem


class ProcessStarted(Struct, frozen=True, kw_only=True):
    """The executor holds the attempt."""

    key: AttemptKey


class SpawnFailed(Struct, frozen=True, kw_only=True):
    """The executor could not start the attempt, and will not."""

    key: AttemptKey


class ProcessEnded(Struct, frozen=True, kw_only=True):
    """The attempt's processes are gone."""

    key: AttemptKey
    outcome: Outcome


class Collected(Struct, frozen=True, kw_only=True):
    """The results are in one archive; None: the workspace is not there any more."""

    key: AttemptKey
    results: Results | None


class ResultsDelivered(Struct, frozen=True, kw_only=True):
    """The server has manifest and archive, durably."""

    key: AttemptKey


class Removed(Struct, frozen=True, kw_only=True):
    """Nothing is left of the attempt on this machine."""

    key: AttemptKey


class Written(Struct, frozen=True, kw_only=True):
    """A report is on disk, or (not ok) could not be written."""

    number: int
    ok: bool


class Replied(Struct, frozen=True, kw_only=True):
    """The hub answered a report of the outbox; None: nobody did."""

    number: int
    answer: Answer | None


# What one machine tells another.


class Rejoin(Struct, frozen=True):
    """The hub does not know us (any more)."""


class Keep(Struct, frozen=True, kw_only=True):
    """This report must reach the hub, whatever happens."""

    report: Final


class Settled(Struct, frozen=True, kw_only=True):
    """The hub has answered an attempt's last report for good."""

    key: AttemptKey


class Recovered(Struct, frozen=True):
    """The hub answers again."""


type OfAttempt = (
    InputsReady
    | Failed
    | ProcessStarted
    | SpawnFailed
    | ProcessEnded
    | Collected
    | ResultsDelivered
    | Removed
    | Settled
    | StopAsked
)
type Input = (
    Begin
    | Tick
    | Reconnected
    | Closing
    | JoinAnswered
    | Beaten
    | Delivered
    | Answered
    | Written
    | Replied
    | OfAttempt
)
type Between = Assigned | StopAsked | Level | Rejoin | Keep | Settled | Recovered
