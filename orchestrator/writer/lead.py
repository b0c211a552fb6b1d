"""Leading, as a pure machine: inputs in, outputs out; no clock, no I/O, no task.

It decides every command on its own fold, applies the events at once, keeps one write
in flight, and answers when the log has acknowledged. On any doubt it steps down: its
state is thrown away, and the log says what was stored.
"""

from collections import deque
from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct

from orchestrator.domain.commands import Asked, Command, ConfigureService, JoinClient
from orchestrator.domain.events import Event, Recorded
from orchestrator.domain.ids import ClientId, CommandId, Position
from orchestrator.domain.instant import Instant
from orchestrator.domain.principal import ORCHESTRATOR
from orchestrator.errors import (
    CommandRejectedError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
)
from orchestrator.writer import duties
from orchestrator.writer.commands import Answered
from orchestrator.writer.decide import decide
from orchestrator.writer.holdings import held_attempts
from orchestrator.writer.lead_signals import (
    Answer,
    Append,
    AppendDoubtful,
    AppendRefused,
    AppendStored,
    ClientHeard,
    CommandArrived,
    EventFollowed,
    Input,
    Output,
    ProofReturned,
    Prove,
    StepDown,
    Ticked,
    Ticket,
)
from orchestrator.writer.plan import plan_next
from orchestrator.writer.state import WriterState
from orchestrator.writer.timeline import Timeline
from orchestrator.writer.unit import Unit, next_write


class _Waiting(Struct, frozen=True):
    """An answer that is given once the log has gone so far."""

    ticket: Ticket
    outcome: Answered | OrchestratorError
    position: Position  # acknowledged up to here
    operation: int  # and this operation of ours has succeeded; 0: none needed
    repeats: Position = 0  # the command was sent before: there its events are


# A pause of our own this long makes every lease start anew.
_PAUSE_US = 1_000_000

_OWED = CommandId("")  # what nobody asked for has no command id


class Lead:
    """The leader's mind, from its election to its stepping down."""

    def __init__(
        self,
        state: WriterState,
        *,
        now: Instant,
        version: str,
        leases: duties.Leases | None = None,
        declared: Sequence[ConfigureService] | None = None,
    ) -> None:
        """Take office on a state that ends with our own `writer.elected`.

        `declared` are the settings' services; without any, services stay as they are.
        """
        self.state = state
        self.acknowledged: Position = state.position
        self._version = version
        self._leases = leases or duties.Leases()
        self._timeline = Timeline(state.at, now)
        self._units: deque[Unit] = deque()
        self._in_flight: tuple[Recorded[Event], ...] = ()
        self._sent: tuple[Ticket | None, ...] = ()  # whose commands are in flight
        self._proving = False
        self._operations = 0  # begun
        self._succeeded = 0  # the newest that ended well
        self._proof_wanted = 0  # the newest that an answer waits for
        self._waiting: deque[_Waiting] = deque()
        self._heard: dict[ClientId, int] = {}
        self._office_began_us = now.monotonic_us
        self._last_step_us = now.monotonic_us
        self._stepped_down = False
        for command in duties.settings_due(state, declared) if declared else ():
            self._carry_out(command, now)

    def step(self, given: Input, now: Instant) -> list[Output]:
        """Take in one input and return what is to be done about it, in order."""
        if self._stepped_down:
            return _turn_away(given)
        self._notice_pause(now)
        match given:
            case CommandArrived():
                self._take(given, now)
            case AppendStored():
                self._stored()
            case AppendRefused() | AppendDoubtful():
                return self._step_down(given)
            case ProofReturned():
                if given.position != self.acknowledged:
                    return self._step_down(AppendDoubtful("the log has grown"))
                self._proving = False
                self._succeeded = self._operations
            case EventFollowed():
                if self._is_foreign(given):
                    return self._step_down(AppendDoubtful("another server wrote"))
            case ClientHeard():
                self._hear(given.client_id, now)
            case Ticked():
                self._lose_silent_clients(now)
            case _:
                assert_never(given)
        return self._proceed(now)

    def _proceed(self, now: Instant) -> list[Output]:
        self._do_duties(now)
        outputs: list[Output] = []
        if not self._in_flight and not self._proving:
            outputs.extend(self._begin_operation())
        while self._waiting and self._is_due(self._waiting[0]):
            due = self._waiting.popleft()
            outputs.append(Answer(due.ticket, due.outcome))
        return outputs

    def _begin_operation(self) -> list[Output]:
        if self._units:
            self._operations += 1
            write = next_write(self._units)
            self._sent = tuple(unit.ticket for unit in write)
            self._in_flight = tuple(event for unit in write for event in unit.events)
            return [Append(self.acknowledged, self._in_flight)]
        if self._proof_wanted > self._succeeded:
            self._operations += 1
            self._proving = True
            return [Prove()]
        return []

    def _stored(self) -> None:
        self.acknowledged += len(self._in_flight)
        self._in_flight, self._sent = (), ()
        self._succeeded = self._operations

    def _is_due(self, waiting: _Waiting) -> bool:
        return (
            waiting.position <= self.acknowledged
            and waiting.operation <= self._succeeded
        )

    def _take(self, arrived: CommandArrived, now: Instant) -> None:
        asked, ticket = arrived.asked, arrived.ticket
        if isinstance(asked.command, JoinClient):
            self._heard[asked.command.client_id] = now.monotonic_us
        before = self.state.commands.position_of(asked.command_id)
        if before is not None:
            # What a client holds is told as it is now, not as it was then.
            held = held_attempts(asked.command, self.state)
            answered = Answered(position=before, attempts=held)
            self._answer_later(ticket, answered, settled=True, repeats=before)
            return
        try:
            events = decide(asked, self.state, version=self._version)
        except CommandRejectedError as error:
            self._answer_later(ticket, error, settled=error.settled)
            return
        recorded = self._record(events, asked, now, ticket)
        answered = Answered(
            position=self.state.position,
            events=recorded,
            attempts=held_attempts(asked.command, self.state),
        )
        # What appends nothing needs proof that we still lead; an append is one.
        self._answer_later(ticket, answered, settled=bool(recorded))

    def _answer_later(
        self,
        ticket: Ticket,
        outcome: Answered | OrchestratorError,
        *,
        settled: bool,
        repeats: Position = 0,
    ) -> None:
        # The proof is an operation that begins after the command came.
        operation = 0 if settled else self._operations + 1
        self._proof_wanted = max(self._proof_wanted, operation)
        position = self.state.position
        self._waiting.append(_Waiting(ticket, outcome, position, operation, repeats))

    def _record(
        self,
        events: Sequence[Event],
        asked: Asked,
        now: Instant,
        ticket: Ticket | None,
    ) -> tuple[Recorded[Event], ...]:
        by, command_id = asked.by.id, asked.command_id
        at = self._timeline.stamp(now)
        recorded = tuple(
            Recorded(at=at, by=by, command_id=command_id, event=event)
            for event in events
        )
        for each in recorded:
            self.state.fold(self.state.position + 1, each)
        if recorded:
            self._units.append(Unit(recorded, ticket))
        return recorded

    def _owe(self, event: Event, now: Instant) -> None:
        at = self._timeline.stamp(now)
        recorded = Recorded(at=at, by=ORCHESTRATOR.id, command_id=_OWED, event=event)
        self.state.fold(self.state.position + 1, recorded)
        self._units.append(Unit((recorded,)))

    def _carry_out(self, command: Command, now: Instant) -> None:
        asked = Asked(command_id=_OWED, by=ORCHESTRATOR, command=command)
        events = decide(asked, self.state, version=self._version)
        self._record(events, asked, now, None)

    def _do_duties(self, now: Instant) -> None:
        for stop in duties.stops(self.state):
            self._owe(stop, now)
        while assignment := plan_next(self.state, self._timeline.stamp(now)):
            self._owe(assignment, now)

    def _hear(self, client_id: ClientId, now: Instant) -> None:
        if client_id in self.state.clients.joined:
            self._heard[client_id] = now.monotonic_us

    def _lose_silent_clients(self, now: Instant) -> None:
        self._heard = {
            client_id: self._heard.get(client_id, self._office_began_us)
            for client_id in self.state.clients.joined
        }
        heard, now_us = self._heard, now.monotonic_us
        for loss in list(duties.losses(self.state, heard, now_us, self._leases)):
            self._carry_out(loss, now)

    def _notice_pause(self, now: Instant) -> None:
        if now.monotonic_us - self._last_step_us > _PAUSE_US:
            # We may have been deaf, not they silent: every lease starts anew.
            self._office_began_us = now.monotonic_us
            self._heard.clear()
        self._last_step_us = now.monotonic_us

    def _is_foreign(self, followed: EventFollowed) -> bool:
        if followed.position <= self.acknowledged:
            return False
        echo = followed.position - self.acknowledged - 1
        ours = self._in_flight
        return echo >= len(ours) or ours[echo] != followed.recorded

    def _step_down(self, reason: AppendRefused | AppendDoubtful) -> list[Output]:
        self._stepped_down = True
        sent, end = set(self._sent), self.acknowledged + len(self._in_flight)
        outputs: list[Output] = []
        for each in self._waiting:
            repeats_sent = self.acknowledged < each.repeats <= end
            was_sent = each.ticket in sent or repeats_sent
            outputs.append(Answer(each.ticket, _farewell(reason, was_sent=was_sent)))
        self._waiting.clear()
        why = reason.why if isinstance(reason, AppendDoubtful) else str(reason.error)
        return [*outputs, StepDown(why)]


def _farewell(
    reason: AppendRefused | AppendDoubtful,
    *,
    was_sent: bool,
) -> OrchestratorError:
    if not was_sent:
        return NotLeadingError()
    if isinstance(reason, AppendRefused):
        return reason.error
    return OutcomeUnknownError()


def _turn_away(given: Input) -> list[Output]:
    if isinstance(given, CommandArrived):
        return [Answer(given.ticket, NotLeadingError())]
    return []
