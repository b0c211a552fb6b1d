"""Which of the reports on disk is sent when: in order per attempt, until answered."""

from collections.abc import Iterable

from msgspec import Struct

from clients.backoff import backoff_seconds
from clients.inputs import (
    AttemptKey,
    Final,
    Reconnected,
    Recovered,
    Rejoin,
    Replied,
    Settled,
    Tick,
    Written,
    key_of,
)
from clients.outputs import Entry, Erase, Send, Write
from orchestrator.wire import Accepted, Answer, Refused

_IN_FLIGHT = 32

type OutboxInput = Written | Replied | Tick | Reconnected | Recovered
type OutboxOutput = Write | Send | Erase | Settled | Rejoin


class _Waiting(Struct, kw_only=True):
    entry: Entry
    on_disk: bool
    busy: bool = False  # being written or sent
    tries: int = 0
    retry_at: float | None = None


class Outbox:
    """Reports that wait for their answers; `pending` were left by an earlier run."""

    def __init__(self, pending: Iterable[Entry] = ()) -> None:
        ordered = sorted(pending, key=lambda entry: entry.number)
        self._waiting = {
            entry.number: _Waiting(entry=entry, on_disk=True) for entry in ordered
        }
        self._next = ordered[-1].number + 1 if ordered else 1

    @property
    def is_empty(self) -> bool:
        """Return whether every report was answered."""
        return not self._waiting

    @property
    def keys(self) -> list[AttemptKey]:
        """Return the attempts whose end waits here."""
        return [key_of(waiting.entry.report) for waiting in self._waiting.values()]

    @property
    def due(self) -> float | None:
        """Return when a `Tick` is wanted, if ever."""
        times = [w.retry_at for w in self._waiting.values() if w.retry_at is not None]
        return min(times, default=None)

    def keep(self, report: Final) -> list[OutboxOutput]:
        """Return what puts a report on disk; it is sent once it is there."""
        entry = Entry(number=self._next, report=report)
        self._next += 1
        self._waiting[entry.number] = _Waiting(entry=entry, on_disk=False, busy=True)
        return [Write(entry=entry)]

    def step(self, signal: OutboxInput, now: float) -> list[OutboxOutput]:
        """Return what is to be done after this."""
        match signal:
            case Written():
                return self._written(signal, now)
            case Replied():
                return self._replied(signal, now)
            case Tick():
                self._forget_pauses(now)
            case Reconnected() | Recovered():
                self._forget_pauses(None)
        return self._sends()

    def _written(self, signal: Written, now: float) -> list[OutboxOutput]:
        waiting = self._waiting.get(signal.number)
        if waiting is None or waiting.on_disk:
            return []
        waiting.on_disk = signal.ok
        if not signal.ok:
            self._later(waiting, now)
            return []
        waiting.busy = False
        return self._sends()

    def _replied(self, signal: Replied, now: float) -> list[OutboxOutput]:
        waiting = self._waiting.get(signal.number)
        if waiting is None or not waiting.busy:
            return []
        if _is_final(signal.answer):
            del self._waiting[signal.number]
            erase = Erase(number=signal.number)
            settled = Settled(key=key_of(waiting.entry.report))
            return [erase, settled, *self._sends()]
        self._later(waiting, now)
        return [Rejoin()] if isinstance(signal.answer, Refused) else []

    def _later(self, waiting: _Waiting, now: float) -> None:
        waiting.busy = False
        waiting.tries += 1
        waiting.retry_at = now + backoff_seconds(waiting.tries)

    def _forget_pauses(self, until: float | None) -> None:
        for waiting in self._waiting.values():
            if until is None or (waiting.retry_at or 0) <= until:
                waiting.retry_at = None

    def _sends(self) -> list[OutboxOutput]:
        outputs: list[OutboxOutput] = []
        room = _IN_FLIGHT - sum(w.busy for w in self._waiting.values())
        ahead: set[AttemptKey] = set()
        for waiting in self._waiting.values():
            key = key_of(waiting.entry.report)
            is_first = key not in ahead
            ahead.add(key)
            if waiting.busy or waiting.retry_at is not None or not is_first or not room:
                continue
            waiting.busy = True
            room -= 1
            output = Send if waiting.on_disk else Write
            outputs.append(output(entry=waiting.entry))
        return outputs


def _is_final(answer: Answer | None) -> bool:
    match answer:
        case Accepted():
            return True
        case Refused(code=code):
            return code != "unknown_client"
        case _:
            return False
