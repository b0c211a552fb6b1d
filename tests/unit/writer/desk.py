"""A leading machine on a table: a test hands it inputs and sees what comes out."""

from collections.abc import Sequence

from msgspec import structs

from orchestrator.domain.commands import Command, ConfigureService
from orchestrator.domain.events import Event
from orchestrator.domain.ids import ClientId
from orchestrator.domain.principal import Principal
from orchestrator.errors import OrchestratorError
from orchestrator.writer.commands import Answered
from orchestrator.writer.duties import Leases
from orchestrator.writer.lead import Lead
from orchestrator.writer.lead_signals import (
    Answer,
    Append,
    AppendStored,
    ClientHeard,
    CommandArrived,
    Input,
    Output,
    Prove,
    StepDown,
    Ticked,
    Ticket,
)
from orchestrator.writer.state import WriterState
from tests.examples import CONFIGURED, ELECTED, PORTAL, asked, instant, recorded
from tests.unit.writer.world import VERSION

HISTORY: tuple[Event, ...] = (CONFIGURED, ELECTED)


class Desk:
    """A machine that has just taken office on a history."""

    def __init__(
        self,
        *history: Event,
        leases: Leases | None = None,
        declared: Sequence[ConfigureService] | None = None,
    ) -> None:
        state = WriterState()
        for position, event in enumerate(history or HISTORY, start=1):
            state.fold(position, recorded(event))
        self.seconds = 0.0
        self.wall_ahead = 0.0  # of the monotonic clock
        self.lead = Lead(
            state,
            now=instant(0),
            version=VERSION,
            leases=leases,
            declared=declared,
        )
        self.in_flight: Append | Prove | None = None
        self.answers: dict[Ticket, Answered | OrchestratorError] = {}
        self.stepped_down: list[str] = []
        self._tickets = 0

    def give(self, given: Input, after: float = 0.0) -> list[Output]:
        """Hand over an input; note what comes out, and return it."""
        self.seconds += after
        wall = instant(self.seconds + self.wall_ahead).wall
        now = structs.replace(instant(self.seconds), wall=wall)
        outputs = self.lead.step(given, now)
        for output in outputs:
            match output:
                case Append() | Prove():
                    assert self.in_flight is None, "two operations in flight"
                    self.in_flight = output
                case Answer():
                    assert output.ticket not in self.answers, "answered twice"
                    self.answers[output.ticket] = output.outcome
                case StepDown():
                    self.stepped_down.append(output.why)
        return outputs

    def ask(
        self, command: Command, by: Principal = PORTAL, command_id: str = ""
    ) -> Ticket:
        """Have somebody ask; return the ticket under which they wait."""
        self._tickets += 1
        self.give(CommandArrived(self._tickets, asked(command, by, command_id)))
        return self._tickets

    def written(self) -> list[Event]:
        """Return the events of the write in flight."""
        assert isinstance(self.in_flight, Append)
        return [each.event for each in self.in_flight.events]

    def store(self) -> list[Event]:
        """Acknowledge the write in flight; return its events."""
        events = self.written()
        self.in_flight = None
        self.give(AppendStored())
        return events

    def store_all(self) -> list[Event]:
        """Acknowledge every write until none is left; return all events."""
        events: list[Event] = []
        while isinstance(self.in_flight, Append):
            events += self.store()
        return events

    def finish(self, given: Input) -> list[Output]:
        """End the operation in flight in this way."""
        assert self.in_flight is not None
        self.in_flight = None
        return self.give(given)

    def beat(self, client_id: ClientId, after: float = 0.0) -> None:
        self.give(ClientHeard(client_id), after)

    def tick(self, seconds: float = 0.25) -> None:
        """Let time pass as it does: in ticks of a quarter of a second."""
        until = self.seconds + seconds
        while self.seconds < until:
            self.give(Ticked(), min(0.25, until - self.seconds))
            self.store_all()

    def outcome(self, ticket: Ticket) -> Answered | OrchestratorError | None:
        """Return what was answered, if anything was."""
        return self.answers.get(ticket)

    def answered(self, ticket: Ticket) -> Answered:
        """Return an answer that is no refusal."""
        outcome = self.answers[ticket]
        assert isinstance(outcome, Answered), outcome
        return outcome
