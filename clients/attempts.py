"""All attempts in a client's hands: which the log gives it, and which have a slot."""

from clients.attempt import Attempt, AttemptOutput, Holder, Outputs
from clients.capacity import Capacity
from clients.inputs import (
    Answered,
    Assigned,
    AttemptKey,
    Begin,
    Closing,
    Level,
    OfAttempt,
    Reconnected,
    Recovered,
    Tick,
    key_of,
)
from clients.phases import Phase
from orchestrator.wire import HeldAttempt

type AttemptsInput = (
    Begin
    | Tick
    | Reconnected
    | Recovered
    | Closing
    | Level
    | Assigned
    | Answered
    | OfAttempt
)
type AttemptsOutput = AttemptOutput


class Attempts:
    """A machine over attempts; `reported` have their last report in the outbox."""

    def __init__(
        self, *, holder: Holder, slots: int, reported: list[AttemptKey]
    ) -> None:
        self._holder = holder
        self._capacity = Capacity(slots)
        self._closing = False
        self._attempts = {
            key: self._new(key, position=0, phase=Phase.REPORTING) for key in reported
        }

    @property
    def held(self) -> tuple[AttemptKey, ...]:
        """Return every attempt that is not done with, for the heartbeat."""
        return tuple(self._attempts)

    @property
    def free_slots(self) -> int:
        """Return how many more could run now."""
        return self._capacity.free

    @property
    def may_start(self) -> bool:
        """Return whether a process may be about to start."""
        return any(attempt.may_start for attempt in self._attempts.values())

    @property
    def due(self) -> float | None:
        """Return when a `Tick` is wanted, if ever."""
        times = (attempt.retry_at for attempt in self._attempts.values())
        return min((time for time in times if time is not None), default=None)

    def step(self, signal: AttemptsInput, now: float) -> Outputs:
        """Return what is to be done after this."""
        match signal:
            case Begin():
                return self._begin(signal.held)
            case Tick():
                return self._retry(now)
            case Reconnected() | Recovered():
                return self._retry(None)
            case Closing():
                return self._close()
            case Level():
                return self._level(signal)
            case Assigned():
                return self._assigned(signal)
            case _:
                return self._advance(signal, now)

    def _new(self, key: AttemptKey, *, position: int, phase: Phase) -> Attempt:
        return Attempt(key, position=position, phase=phase, holder=self._holder)

    def _begin(self, held: tuple[AttemptKey, ...]) -> Outputs:
        for key in held:
            if key not in self._attempts:
                self._attempts[key] = self._new(key, position=0, phase=Phase.ADOPTED)
                self._capacity.occupy(key)
        return []

    def _assigned(self, signal: Assigned) -> Outputs:
        if signal.key in self._attempts or self._closing:
            return []
        job_id, number = signal.key
        outputs: Outputs = []
        for (older_job, older_number), older in list(self._attempts.items()):
            if older_job == job_id and older_number < number:
                outputs += self._discard(older)
        attempt = self._new(signal.key, position=signal.position, phase=Phase.WAITING)
        self._attempts[signal.key] = attempt
        if self._capacity.admit(signal.key):
            outputs += attempt.begin()
        return outputs

    def _level(self, level: Level) -> Outputs:
        outputs: Outputs = []
        listed = {key_of(given) for given in level.attempts}
        for key, attempt in list(self._attempts.items()):
            # What was assigned later than this answer cannot be in it.
            if key not in listed and attempt.position <= level.position:
                outputs += self._discard(attempt)
        for given in level.attempts:
            outputs += self._given(given, level.position)
        return outputs

    def _given(self, given: HeldAttempt, position: int) -> Outputs:
        key = key_of(given)
        attempt = self._attempts.get(key)
        if attempt is None and not given.started and not given.stop_requested:
            return self._assigned(Assigned(key=key, position=position))
        if attempt is None:
            # Whatever ran is not here any more.
            attempt = self._new(key, position=position, phase=Phase.REPORTING)
            self._attempts[key] = attempt
            return attempt.begin()
        return attempt.agree(stop_requested=given.stop_requested)

    def _discard(self, attempt: Attempt) -> Outputs:
        outputs = attempt.discard()
        return outputs + self._after(attempt)

    def _advance(self, signal: Answered | OfAttempt, now: float) -> Outputs:
        key = key_of(signal.report) if isinstance(signal, Answered) else signal.key
        attempt = self._attempts.get(key)
        if attempt is None:
            return []
        outputs = attempt.step(signal, now)
        return outputs + self._after(attempt)

    def _after(self, attempt: Attempt) -> Outputs:
        """Give its slot to the next one, once it needs none."""
        if attempt.phase is Phase.GONE:
            del self._attempts[attempt.key]
        if attempt.phase is not Phase.REMOVING:
            return []
        if attempt.is_unkillable:
            self._capacity.close(attempt.key)
        outputs: Outputs = []
        for key in self._capacity.release(attempt.key):
            outputs += self._attempts[key].begin()
        return outputs

    def _close(self) -> Outputs:
        self._closing = True
        outputs: Outputs = []
        for attempt in self._attempts.values():
            outputs += attempt.hold_back()
        return outputs

    def _retry(self, until: float | None) -> Outputs:
        outputs: Outputs = []
        for attempt in list(self._attempts.values()):
            at = attempt.retry_at
            if at is not None and (until is None or at <= until):
                outputs += attempt.retry()
        return outputs
