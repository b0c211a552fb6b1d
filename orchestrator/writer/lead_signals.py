"""What goes into the leading machine, and what comes out of it."""

from msgspec import Struct

from orchestrator.domain.commands import Asked
from orchestrator.domain.events import Event, Recorded
from orchestrator.domain.ids import ClientId, Position
from orchestrator.errors import OrchestratorError
from orchestrator.writer.commands import Answered

type Ticket = int  # whoever waits for an answer


class CommandArrived(Struct, frozen=True):
    """Somebody asks, and waits under a ticket."""

    ticket: Ticket
    asked: Asked


class AppendStored(Struct, frozen=True):
    """The write in flight was acknowledged."""


class AppendRefused(Struct, frozen=True):
    """The write in flight was refused for a reason: nothing was stored."""

    error: OrchestratorError


class AppendDoubtful(Struct, frozen=True):
    """The write in flight was fenced off, timed out or cut off."""

    why: str


class ProofReturned(Struct, frozen=True):
    """The log's end, asked for after the answers that wait for proof."""

    position: Position


class EventFollowed(Struct, frozen=True):
    """The log delivers an event: mostly an echo of our own."""

    position: Position
    recorded: Recorded[Event]


class ClientHeard(Struct, frozen=True):
    """A client gave a sign of life."""

    client_id: ClientId


class Ticked(Struct, frozen=True):
    """Time has passed; comes several times a second."""


type Input = (
    CommandArrived
    | AppendStored
    | AppendRefused
    | AppendDoubtful
    | ProofReturned
    | EventFollowed
    | ClientHeard
    | Ticked
)


class Append(Struct, frozen=True):
    """Write these events behind the fence; exactly one write is in flight."""

    expected: Position
    events: tuple[Recorded[Event], ...]


class Prove(Struct, frozen=True):
    """Ask the log where it ends: who still leads knows it already."""


class Answer(Struct, frozen=True):
    """Tell who waits under the ticket."""

    ticket: Ticket
    outcome: Answered | OrchestratorError


class StepDown(Struct, frozen=True):
    """Throw this machine and its state away, and follow the log."""

    why: str


type Output = Append | Prove | Answer | StepDown
