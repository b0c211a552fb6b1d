"""The leading machine: what it writes, and when it gives up."""

from collections.abc import Sequence

import pytest
from msgspec import structs

from orchestrator.domain.commands import LeaveClient
from orchestrator.domain.events import (
    ClientLeft,
    Event,
    JobAssigned,
    JobSubmitted,
    Recorded,
)
from orchestrator.domain.ids import JobId
from orchestrator.errors import (
    EventTooLargeError,
    LogFullError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
)
from orchestrator.writer.commands import Answered
from orchestrator.writer.lead_signals import (
    Append,
    AppendDoubtful,
    AppendRefused,
    AppendStored,
    EventFollowed,
    ProofReturned,
    StepDown,
    Ticked,
)
from tests.examples import (
    ASSIGNED,
    CANCEL,
    CLIENT,
    CONFIGURED,
    ELECTED,
    FIRST_LIFE,
    JOB,
    JOINED,
    STARTED,
    SUBMITTED,
    join,
    recorded,
    submit,
)
from tests.unit.writer.desk import Desk

RUNNING: tuple[Event, ...] = (CONFIGURED, JOINED, SUBMITTED, ASSIGNED, STARTED, ELECTED)
DOUBT = AppendDoubtful("timed out")


def jobs_of(events: Sequence[Event]) -> list[str]:
    return [event.job_id for event in events if isinstance(event, JobSubmitted)]


def submit_many(desk: Desk, count: int, first: int = 0) -> list[int]:
    return [desk.ask(submit(JobId(f"new-{n}"))) for n in range(first, first + count)]


def echoes(desk: Desk) -> list[EventFollowed]:
    """Return the write in flight as the log delivers it."""
    assert isinstance(desk.in_flight, Append)
    first = desk.in_flight.expected + 1
    return [
        EventFollowed(position, each)
        for position, each in enumerate(desk.in_flight.events, start=first)
    ]


# -- writing ----------------------------------------------------------------------


def test_a_command_is_written_behind_the_fence_at_the_end_that_it_knows() -> None:
    desk = Desk()
    desk.ask(submit())
    assert isinstance(desk.in_flight, Append)
    assert desk.in_flight.expected == 2
    assert jobs_of(desk.written()) == [JOB]


def test_nobody_is_answered_before_the_log_has_acknowledged() -> None:
    desk = Desk()
    ticket = desk.ask(submit())
    desk.tick(0.0)
    assert desk.outcome(ticket) is None
    desk.store()
    assert desk.answered(ticket).position == 3
    assert [each.event for each in desk.answered(ticket).events] == [
        structs.replace(SUBMITTED, number=1)
    ]


def test_a_second_write_waits_for_the_first() -> None:
    desk = Desk()
    first, second = submit_many(desk, 2)
    assert jobs_of(desk.written()) == ["new-0"]
    desk.store()
    assert desk.answered(first).position == 3
    assert desk.outcome(second) is None
    assert isinstance(desk.in_flight, Append)
    assert desk.in_flight.expected == 3
    desk.store()
    assert desk.answered(second).position == 4


def test_what_is_decided_during_a_write_goes_out_in_one_batch() -> None:
    desk = Desk()
    tickets = submit_many(desk, 1_501)
    assert [len(desk.store()) for _ in range(3)] == [1, 1_000, 500]
    assert [desk.answered(ticket).position for ticket in tickets] == list(
        range(3, 3 + 1_501)
    )


def test_the_events_of_one_command_are_one_write() -> None:
    desk = Desk(CONFIGURED, JOINED, SUBMITTED, ASSIGNED, ELECTED)
    desk.ask(LeaveClient(client_id=CLIENT, incarnation=FIRST_LIFE))
    assert [type(event).__name__ for event in desk.written()] == [
        "ClientLeft",
        "AttemptLost",
    ]


def test_an_assignment_follows_at_once_without_being_asked_for() -> None:
    desk = Desk()
    desk.ask(join())
    desk.ask(submit())
    events = desk.store_all()
    assert isinstance(events[-1], JobAssigned)
    assert events[-1].client_id == CLIENT


def test_time_in_the_log_never_goes_back() -> None:
    desk = Desk()
    written: list[Recorded[Event]] = []
    for seconds in (5.0, -0.5, 0.1, -0.3, 2.0):
        desk.seconds += seconds
        desk.ask(submit(JobId(f"job at {desk.seconds}")))
        assert isinstance(desk.in_flight, Append)
        written += desk.in_flight.events
        desk.store_all()
    times = [each.at for each in written]
    assert times == sorted(times)


# -- echoes and foreigners ------------------------------------------------------------


def test_its_own_events_coming_back_mean_nothing() -> None:
    desk = Desk()
    submit_many(desk, 9)
    for _ in range(2):
        for echo in echoes(desk):
            assert desk.give(echo) == []
        desk.store()
    assert desk.stepped_down == []


def test_its_own_events_coming_back_late_mean_nothing() -> None:
    desk = Desk()
    submit_many(desk, 1)
    late = echoes(desk)
    desk.store()
    for echo in late:
        assert desk.give(echo) == []


def test_a_foreign_event_deposes_it() -> None:
    desk = Desk()
    outputs = desk.give(EventFollowed(3, recorded(ELECTED, 9)))
    assert outputs == [StepDown("another server wrote")]


def test_a_foreign_event_where_ours_should_be_deposes_it() -> None:
    desk = Desk()
    desk.ask(submit())
    (echo,) = echoes(desk)
    foreign = structs.replace(echo.recorded, by="another")
    desk.give(EventFollowed(echo.position, foreign))
    assert len(desk.stepped_down) == 1


def test_an_event_behind_ours_deposes_it_even_before_ours_is_acknowledged() -> None:
    desk = Desk()
    desk.ask(submit())
    (echo,) = echoes(desk)
    assert desk.give(echo) == []
    desk.give(EventFollowed(echo.position + 1, recorded(ELECTED, 9)))
    assert len(desk.stepped_down) == 1


# -- doubt ------------------------------------------------------------------------------


def test_in_doubt_who_was_sent_does_not_know_and_the_others_may_ask_again() -> None:
    desk = Desk()
    sent, waits = submit_many(desk, 2)
    refused = desk.ask(CANCEL)
    outputs = desk.finish(DOUBT)
    assert isinstance(desk.outcome(sent), OutcomeUnknownError)
    assert isinstance(desk.outcome(waits), NotLeadingError)
    assert isinstance(desk.outcome(refused), NotLeadingError)
    assert outputs[-1] == StepDown("timed out")


def test_in_doubt_every_command_of_the_batch_is_in_doubt() -> None:
    desk = Desk()
    submit_many(desk, 10)
    desk.store()
    tickets = list(range(2, 11))
    desk.finish(DOUBT)
    assert all(
        isinstance(desk.outcome(ticket), OutcomeUnknownError) for ticket in tickets
    )


def test_after_stepping_down_everybody_is_turned_away_and_nothing_is_written() -> None:
    desk = Desk()
    desk.ask(submit())
    desk.finish(DOUBT)
    ticket = desk.ask(submit(JobId("later")))
    assert isinstance(desk.outcome(ticket), NotLeadingError)
    for given in (
        Ticked(),
        AppendStored(),
        DOUBT,
        AppendRefused(LogFullError()),
        ProofReturned(99),
        EventFollowed(99, recorded(ELECTED)),
    ):
        assert desk.give(given) == []
    assert len(desk.stepped_down) == 1
    assert desk.in_flight is None


@pytest.mark.parametrize("error", [LogFullError(), EventTooLargeError(size=2, limit=1)])
def test_a_write_refused_for_a_reason_says_so_to_those_who_were_sent(
    error: OrchestratorError,
) -> None:
    desk = Desk()
    sent, waits = submit_many(desk, 2)
    desk.finish(AppendRefused(error))
    assert desk.outcome(sent) is error
    assert isinstance(desk.outcome(waits), NotLeadingError)
    assert len(desk.stepped_down) == 1


def test_a_repeated_command_in_doubt_is_in_doubt_too() -> None:
    desk = Desk()
    first = desk.ask(submit(), command_id="c1")
    again = desk.ask(submit(), command_id="c1")
    desk.finish(DOUBT)
    assert isinstance(desk.outcome(first), OutcomeUnknownError)
    # Whoever asks again next finds by its id what became of it.
    assert isinstance(desk.outcome(again), NotLeadingError | OutcomeUnknownError)


def test_a_fence_that_refuses_tells_nobody_that_it_was_done() -> None:
    desk = Desk()
    tickets = submit_many(desk, 3)
    desk.finish(AppendDoubtful("fenced off"))
    outcomes = [desk.outcome(ticket) for ticket in tickets]
    assert not any(isinstance(outcome, Answered) for outcome in outcomes)


def test_a_departure_of_a_client_that_held_nothing_is_one_event() -> None:
    desk = Desk(CONFIGURED, JOINED, ELECTED)
    desk.ask(LeaveClient(client_id=CLIENT, incarnation=FIRST_LIFE))
    assert desk.written() == [ClientLeft(client_id=CLIENT, incarnation=FIRST_LIFE)]
