"""Standing for election, as a pure machine: when does a server try to lead?

It pings the leader of the term it knows every second. Two pings that nobody listens
to, or a silence of its own monotonic clock while it was connected and awake, and it
stands, after a little jitter: it appends `writer.elected` at the end of its own fold.
If the log refuses, somebody was quicker; it follows on and waits anew.
"""

from typing import assert_never

from msgspec import Struct

from orchestrator.domain.ids import Position
from orchestrator.domain.instant import Instant


class PingAnswered(Struct, frozen=True):
    """The leader of the term is there."""


class PingUnheard(Struct, frozen=True):
    """Nobody listens on the term's subject; `jitter_us` is random, below 100 ms."""

    jitter_us: int


class PingSilent(Struct, frozen=True):
    """Somebody may listen, but no answer came; `jitter_us` as above."""

    jitter_us: int


class TermBegan(Struct, frozen=True):
    """The fold has passed a `writer.elected`."""

    term: Position


class Disconnected(Struct, frozen=True):
    """The log is out of reach: silence means nothing."""


class ElectionLost(Struct, frozen=True):
    """The append was refused, or nobody knows; the log will say."""


class TimerFired(Struct, frozen=True):
    """The time asked for by `SetTimer` has come."""


type CandidateInput = (
    PingAnswered
    | PingUnheard
    | PingSilent
    | TermBegan
    | Disconnected
    | ElectionLost
    | TimerFired
)


class Ping(Struct, frozen=True):
    """Ask whether the leader of a term is there; answered within half a second."""

    term: Position


class SetTimer(Struct, frozen=True):
    """Fire once at this time of the monotonic clock; replaces the one before."""

    at_us: int


class Stand(Struct, frozen=True):
    """Append `writer.elected` at the end of the fold, if that is the log's end."""

    previous_term: Position


type CandidateOutput = Ping | SetTimer | Stand

_PING_EVERY_US = 1_000_000
_PING_AGAIN_US = 50_000
_SHORT_TERM_US = 30_000_000
_PAUSE_US = 2_000_000


class Candidate:
    """A standby's mind: from following to standing, and what it saw of terms."""

    def __init__(
        self, *, silence_us: int = 3_000_000, longest_wait_us: int = 30_000_000
    ) -> None:
        """Know nothing yet; one candidate serves a server for its whole life."""
        self._term: Position | None = None
        self._silence_us = silence_us
        self._longest_wait_us = longest_wait_us
        self._awaited_us = 0  # when the next input was to come
        self._term_seen_us: int | None = None  # when this process saw it begin
        self._wait_us = 0  # doubled while terms are short
        self._unheard = 0
        self._silent_since_us: int | None = None
        self._stands_at_us: int | None = None

    def start(self, term: Position, now: Instant) -> list[CandidateOutput]:
        """Watch the leader of a term (0: there was never one); return what to do.

        Called again after this server has led: whether terms are short is remembered.
        """
        self._awaited_us = now.monotonic_us
        if self._term in (None, term):
            self._term = term
            self._calm()
        else:
            self._begin_term(term, now)
        return [Ping(term)]

    def step(self, given: CandidateInput, now: Instant) -> list[CandidateOutput]:
        """Take in one input and return what is to be done about it."""
        if now.monotonic_us - self._awaited_us > _PAUSE_US:
            self._calm()
        outputs = self._react(given, now)
        (output,) = outputs
        timer = isinstance(output, SetTimer)
        self._awaited_us = output.at_us if timer else now.monotonic_us
        return outputs

    def _react(self, given: CandidateInput, now: Instant) -> list[CandidateOutput]:
        match given:
            case PingAnswered() | Disconnected() | ElectionLost():
                self._calm()
                return self._ping_in(_PING_EVERY_US, now)
            case TermBegan():
                self._begin_term(given.term, now)
                return self._ping_in(_PING_EVERY_US, now)
            case PingUnheard():
                return self._unheard_once_more(given.jitter_us, now)
            case PingSilent():
                return self._silent_once_more(given.jitter_us, now)
            case TimerFired():
                return self._time_has_come(now)
            case _:
                assert_never(given)

    def _begin_term(self, term: Position, now: Instant) -> None:
        self._calm()
        seen, self._term_seen_us = self._term_seen_us, now.monotonic_us
        short = seen is not None and now.monotonic_us - seen < _SHORT_TERM_US
        doubled = max(2 * self._wait_us, _PING_EVERY_US)
        self._wait_us = min(doubled, self._longest_wait_us) if short else 0
        self._term = term

    def _unheard_once_more(self, jitter_us: int, now: Instant) -> list[CandidateOutput]:
        self._silent_since_us = None
        self._unheard += 1
        if self._unheard == 1:
            return self._ping_in(_PING_AGAIN_US, now)
        return self._prepare(jitter_us, now)

    def _silent_once_more(self, jitter_us: int, now: Instant) -> list[CandidateOutput]:
        self._unheard = 0
        if self._silent_since_us is None:
            self._silent_since_us = now.monotonic_us
        if now.monotonic_us - self._silent_since_us < self._silence_us:
            self._stands_at_us = None  # somebody listens there
            return self._ping_in(_PING_EVERY_US, now)
        return self._prepare(jitter_us, now)

    def _prepare(self, jitter_us: int, now: Instant) -> list[CandidateOutput]:
        if self._stands_at_us is None:
            delay = self._wait_us + jitter_us
            self._stands_at_us = now.monotonic_us + delay
        # During a long wait it asks on: a leader that is back is left alone.
        return [SetTimer(min(self._stands_at_us, now.monotonic_us + _PING_EVERY_US))]

    def _time_has_come(self, now: Instant) -> list[CandidateOutput]:
        term = self._term or 0
        if self._stands_at_us is None or now.monotonic_us < self._stands_at_us:
            return [Ping(term)]
        self._calm()
        return [Stand(term)]

    def _ping_in(self, delay_us: int, now: Instant) -> list[CandidateOutput]:
        return [SetTimer(now.monotonic_us + delay_us)]

    def _calm(self) -> None:
        self._unheard = 0
        self._silent_since_us = None
        self._stands_at_us = None
