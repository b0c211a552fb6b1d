"""What the log says the client holds, beside what it does hold."""

from clients.inputs import Begin, Collected, Keep, Level, ProcessStarted, Settled
from clients.outputs import Ask, Collect, Remove, Stop, Watch
from tests.unit.clients.way import (
    FETCH,
    KEY,
    LOST,
    REPORTING,
    RESULTS,
    RUNNING,
    STARTING,
    at,
    attempts,
    ended,
    level,
)


def test_a_running_attempt_that_the_log_gives_to_nobody_is_stopped_and_dropped() -> (
    None
):
    found = at(RUNNING)
    assert found.step(Level(position=50, attempts=()), 0.0) == [Stop(key=KEY)]
    assert found.step(ended(signal=15, stopped=True), 0.0) == [Remove(key=KEY)]


def test_an_attempt_given_after_the_level_was_taken_is_not_dropped() -> None:
    assert at(RUNNING).step(Level(position=9, attempts=()), 0.0) == []


def test_an_attempt_whose_end_is_in_the_outbox_is_not_dropped() -> None:
    assert at(REPORTING).step(Level(position=50, attempts=()), 0.0) == []


def test_an_attempt_that_is_starting_is_dropped_only_once_it_has_started() -> None:
    found = at(STARTING)
    assert found.step(Level(position=50, attempts=()), 0.0) == []
    outputs = found.step(ProcessStarted(key=KEY), 0.0)
    assert outputs == [Watch(key=KEY), Stop(key=KEY)]


def test_a_missed_assignment_is_taken_from_the_level() -> None:
    assert attempts().step(level(started=False), 0.0) == [Ask(report=FETCH)]


def test_a_started_attempt_that_is_not_here_is_reported_lost_once() -> None:
    found = attempts()
    assert found.step(level(), 0.0) == [Keep(report=LOST)]
    assert found.step(level(), 0.0) == []
    assert found.held == (KEY,)


def test_a_stop_that_was_missed_is_taken_from_the_level() -> None:
    assert at(RUNNING).step(level(stop=True), 0.0) == [Stop(key=KEY)]


def test_what_the_executor_holds_is_watched_once_the_log_confirms_it() -> None:
    found = attempts()
    assert found.step(Begin(held=(KEY,)), 0.0) == []
    assert found.free_slots == 1
    assert found.step(level(), 0.0) == [Watch(key=KEY)]
    assert found.step(ended(signal=11), 0.0) == [Collect(key=KEY, afresh=False)]
    outputs = found.step(Collected(key=KEY, results=RESULTS), 0.0)
    assert outputs == [Ask(report=FETCH)]


def test_what_the_executor_holds_and_the_log_does_not_give_is_stopped() -> None:
    found = attempts()
    found.step(Begin(held=(KEY,)), 0.0)
    outputs = found.step(Level(position=50, attempts=()), 0.0)
    assert outputs == [Watch(key=KEY), Stop(key=KEY)]
    assert found.step(ended(signal=15, stopped=True), 0.0) == [Remove(key=KEY)]


def test_what_is_in_the_outbox_is_neither_adopted_nor_reported_again() -> None:
    found = attempts(reported=[KEY])
    assert found.step(Begin(held=(KEY,)), 0.0) == []
    assert found.step(level(), 0.0) == []
    assert found.held == (KEY,)
    assert found.step(Settled(key=KEY), 0.0) == [Remove(key=KEY)]
