"""All that a client decides, without I/O: membership, attempts and outbox together."""

from collections import deque
from collections.abc import Iterable

from clients.attempt import Holder
from clients.attempts import Attempts
from clients.inputs import (
    Assigned,
    AttemptKey,
    Beaten,
    Begin,
    Between,
    Delivered,
    Input,
    JoinAnswered,
    Keep,
    Level,
    Reconnected,
    Recovered,
    Rejoin,
    Replied,
    Settled,
    StopAsked,
    Tick,
    Written,
)
from clients.membership import Membership
from clients.outbox import Outbox
from clients.outputs import Entry, Output
from orchestrator.wire import Heartbeat, Join


class ClientMachine:
    """Tell it what happened (`step`), do what it wants, and call again when `due`."""

    def __init__(self, join: Join, *, pending: Iterable[Entry] = ()) -> None:
        self._join = join
        self._outbox = Outbox(pending)
        self._membership = Membership(join)
        self._attempts = Attempts(
            holder=Holder(client_id=join.client_id, incarnation=join.incarnation),
            slots=join.slots,
            reported=self._outbox.keys,
        )

    @property
    def due(self) -> float | None:
        """Return when a `Tick` is wanted, if ever."""
        times = (self._membership.due, self._attempts.due, self._outbox.due)
        return min((time for time in times if time is not None), default=None)

    @property
    def is_joined(self) -> bool:
        """Return whether the hub has taken this client in."""
        return self._membership.is_joined

    @property
    def may_exit(self) -> bool:
        """Return whether nothing is half-said: no report waits, no claim is open."""
        return self._outbox.is_empty and not self._attempts.may_start

    @property
    def held(self) -> tuple[AttemptKey, ...]:
        """Return every attempt that is not done with."""
        return self._attempts.held

    def heartbeat(self, load: float) -> Heartbeat:
        """Return the sign of life to send now."""
        return Heartbeat(
            client_id=self._join.client_id,
            incarnation=self._join.incarnation,
            last_position=self._membership.last_position,
            attempts=self._attempts.held,
            free_slots=self._attempts.free_slots,
            load=load,
        )

    def step(self, signal: Input, now: float) -> list[Output]:
        """Return what is to be done after this."""
        outputs: list[Output] = []
        signals: deque[Input | Between] = deque([signal])
        while signals:
            for result in self._route(signals.popleft(), now):
                if isinstance(
                    result,
                    Assigned | StopAsked | Level | Rejoin | Keep | Settled | Recovered,
                ):
                    signals.append(result)
                else:
                    outputs.append(result)
        return outputs

    def _route(self, signal: Input | Between, now: float) -> list[Output | Between]:
        match signal:
            case Tick() | Reconnected():
                return [
                    *self._membership.step(signal, now),
                    *self._outbox.step(signal, now),
                    *self._attempts.step(signal, now),
                ]
            case Begin():
                # What an earlier run left unsaid is sent before anything else.
                return [
                    *self._outbox.step(Tick(), now),
                    *self._attempts.step(signal, now),
                    *self._membership.step(signal, now),
                ]
            case Recovered():
                return [
                    *self._outbox.step(signal, now),
                    *self._attempts.step(signal, now),
                ]
            case Rejoin() | Delivered() | JoinAnswered() | Beaten():
                return [*self._membership.step(signal, now)]
            case Written() | Replied():
                return [*self._outbox.step(signal, now)]
            case Keep():
                return [*self._outbox.keep(signal.report)]
            case _:
                return [*self._attempts.step(signal, now)]
