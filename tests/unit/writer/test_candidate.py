"""When a server stands for election: each rule, on clocks that the test holds."""

from orchestrator.domain.ids import Position
from orchestrator.writer.candidate import (
    Candidate,
    CandidateInput,
    CandidateOutput,
    Disconnected,
    ElectionLost,
    Ping,
    PingAnswered,
    PingSilent,
    PingUnheard,
    SetTimer,
    Stand,
    TermBegan,
    TimerFired,
)
from tests.examples import instant

TERM: Position = 7
UNHEARD = PingUnheard(0)
SILENT = PingSilent(0)
SILENCE = 0.5  # so long nobody answers before a ping counts as silent


class Watch:
    """A candidate and its clock; `turn` gives it what it waits for."""

    def __init__(self, term: Position = TERM) -> None:
        self.seconds = 0.0
        self.candidate = Candidate()
        (self.next,) = self.candidate.start(term, instant(0))

    def watch_again(self, term: Position) -> None:
        """Go on after having led: the fold has come to this term meanwhile."""
        (self.next,) = self.candidate.start(term, instant(self.seconds))

    def give(self, given: CandidateInput, after: float = 0.0) -> CandidateOutput:
        self.seconds += after
        (self.next,) = self.candidate.step(given, instant(self.seconds))
        return self.next

    def wait(self) -> CandidateOutput:
        """Let the timer fire when it is due."""
        assert isinstance(self.next, SetTimer)
        due = (self.next.at_us - instant(0).monotonic_us) / 1_000_000
        assert due >= self.seconds
        return self.give(TimerFired(), due - self.seconds)

    def until_it_stands(
        self, answer: CandidateInput, *, answer_seconds: float = 0.0
    ) -> float:
        """Answer every ping in the same way; return how long it took to stand."""
        began = self.seconds
        for _ in range(100):
            if isinstance(self.next, Stand):
                return self.seconds - began
            if isinstance(self.next, Ping):
                self.give(answer, answer_seconds)
            else:
                self.wait()
        raise AssertionError("it never stands")

    def lose(self) -> None:
        """Stand, and be told that somebody else was elected."""
        assert isinstance(self.next, Stand)
        self.give(ElectionLost())


def test_it_begins_with_a_ping_for_the_term_it_knows() -> None:
    assert Watch().next == Ping(TERM)


def test_a_leader_that_answers_is_asked_again_every_second() -> None:
    watch = Watch()
    for second in (1, 2, 3):
        watch.give(PingAnswered())
        assert watch.wait() == Ping(TERM)
        assert watch.seconds == second


def test_it_stands_when_nobody_listens_twice_fifty_milliseconds_apart() -> None:
    watch = Watch()
    watch.give(UNHEARD)
    assert watch.wait() == Ping(TERM)
    assert watch.seconds == 0.05
    watch.give(UNHEARD)
    assert watch.wait() == Stand(TERM)
    assert watch.seconds == 0.05


def test_a_starting_server_stands_within_a_quarter_of_a_second() -> None:
    assert Watch(term=0).until_it_stands(PingUnheard(99_999)) < 0.25


def test_one_unheard_ping_between_answers_means_nothing() -> None:
    watch = Watch()
    for _ in range(5):
        watch.give(UNHEARD)
        watch.wait()
        watch.give(PingAnswered())
        assert watch.wait() == Ping(TERM)


def test_it_stands_after_the_jitter_it_was_given() -> None:
    watch = Watch()
    watch.give(UNHEARD)
    watch.wait()
    watch.give(PingUnheard(70_000))
    assert watch.wait() == Stand(TERM)
    assert round(watch.seconds, 3) == 0.12


def test_it_stands_after_three_seconds_of_silence_and_not_before() -> None:
    watch = Watch()
    waited = watch.until_it_stands(SILENT, answer_seconds=SILENCE)
    assert 3.0 <= waited - SILENCE <= 3.0 + 1.0 + SILENCE


def test_an_answer_ends_the_silence() -> None:
    watch = Watch()
    for _ in range(10):
        watch.give(SILENT, SILENCE)
        watch.wait()
        watch.give(SILENT, SILENCE)
        watch.wait()
        watch.give(PingAnswered())
        assert watch.wait() == Ping(TERM)


def test_what_nobody_heard_is_no_silence() -> None:
    watch = Watch()
    watch.give(SILENT, SILENCE)
    watch.wait()
    watch.give(UNHEARD)
    watch.wait()
    # Silence is counted from here, and unheard pings too.
    assert watch.until_it_stands(SILENT, answer_seconds=SILENCE) >= 3.0


def test_silence_without_a_connection_says_nothing() -> None:
    watch = Watch()
    for _ in range(20):
        watch.give(SILENT, SILENCE)
        watch.wait()
        watch.give(Disconnected(), SILENCE)
        assert watch.wait() == Ping(TERM)


def test_whoever_was_paused_itself_asks_again_before_it_stands() -> None:
    watch = Watch()
    watch.give(SILENT, SILENCE)
    watch.wait()
    watch.seconds += 60.0
    watch.give(SILENT, SILENCE)
    assert watch.wait() == Ping(TERM)
    assert watch.until_it_stands(SILENT, answer_seconds=SILENCE) >= 2.0


def test_whoever_was_paused_as_it_was_to_stand_asks_again() -> None:
    watch = Watch()
    watch.give(UNHEARD)
    watch.wait()
    watch.give(PingUnheard(50_000))
    watch.seconds += 60.0
    assert watch.give(TimerFired()) == Ping(TERM)


def test_a_timer_that_fires_early_makes_nobody_stand_early() -> None:
    watch = Watch()
    watch.give(UNHEARD)
    watch.wait()
    due = watch.give(PingUnheard(80_000))
    assert watch.give(TimerFired(), 0.01) == Ping(TERM)
    assert watch.give(UNHEARD) == due
    assert watch.wait() == Stand(TERM)


def test_a_term_that_begins_meanwhile_is_watched_instead() -> None:
    watch = Watch()
    watch.give(UNHEARD)
    watch.wait()
    watch.give(PingUnheard(80_000))
    watch.give(TermBegan(9))
    assert watch.wait() == Ping(9)
    watch.give(UNHEARD)
    watch.wait()
    watch.give(UNHEARD)
    assert watch.wait() == Stand(9)


def test_a_lost_election_waits_anew() -> None:
    watch = Watch()
    watch.until_it_stands(UNHEARD)
    watch.lose()
    before = watch.seconds
    assert watch.wait() == Ping(TERM)
    assert watch.seconds - before == 1.0
    assert watch.until_it_stands(UNHEARD) >= 0.05


def test_while_terms_are_short_the_wait_doubles_up_to_half_a_minute() -> None:
    watch = Watch()
    waits: list[int] = []
    for term in range(10, 19):
        waits.append(int(watch.until_it_stands(UNHEARD)))
        watch.lose()
        # Somebody else is elected, and is soon not heard either.
        watch.give(TermBegan(term))
        watch.wait()
    # The last but one term lasted.
    assert waits == [0, 0, 1, 2, 4, 8, 16, 30, 0]


def test_our_own_short_terms_count_too() -> None:
    watch = Watch()
    waits: list[int] = []
    for term in range(10, 20, 2):
        waits.append(int(watch.until_it_stands(UNHEARD)))
        # We are elected, and soon deposed: the other one hears us as little.
        watch.give(TermBegan(term))
        watch.seconds += 0.1
        watch.watch_again(term + 1)
    assert waits == [0, 1, 4, 16, 30]


def test_a_leader_that_is_heard_during_a_long_wait_is_left_alone() -> None:
    watch = Watch()
    for term in (10, 11, 12, 13):
        watch.give(TermBegan(term))
        watch.wait()
    watch.give(UNHEARD)
    watch.wait()
    assert watch.give(UNHEARD) != Stand(13)
    assert watch.wait() == Ping(13)
    watch.give(PingAnswered())
    for _ in range(10):
        assert watch.wait() == Ping(13)
        watch.give(PingAnswered())


def test_a_term_that_lasts_ends_the_doubling() -> None:
    watch = Watch()
    for term in (10, 11, 12):
        watch.give(TermBegan(term))
        watch.wait()
    assert watch.until_it_stands(UNHEARD) > 2.0
    watch.lose()
    watch.give(TermBegan(13))
    for _ in range(31):
        watch.wait()
        watch.give(PingAnswered())
    watch.give(TermBegan(14))
    watch.wait()
    assert watch.until_it_stands(UNHEARD) < 0.2
