"""Which decided events go into the next write."""

from collections import deque

from hypothesis import given, strategies as st

from orchestrator.writer.unit import MOST_IN_BATCH, MOST_SINGLES, Unit, next_write
from tests.examples import SUBMITTED, recorded


def units(*sizes: int) -> deque[Unit]:
    event = recorded(SUBMITTED)
    return deque(
        Unit((event,) * size, ticket=ticket) for ticket, size in enumerate(sizes)
    )


def writes(*sizes: int) -> list[list[int]]:
    """Return how many events of which commands go into each write."""
    waiting = units(*sizes)
    done: list[list[int]] = []
    while waiting:
        done.append([len(unit.events) for unit in next_write(waiting)])
    return done


def test_up_to_seven_events_go_out_one_after_the_other() -> None:
    assert writes(*[1] * 7) == [[1]] * 7


def test_eight_waiting_events_go_out_at_once() -> None:
    assert writes(*[1] * 8) == [[1] * 8]


def test_the_events_of_one_command_are_one_write_however_many_wait() -> None:
    assert writes(3) == [[3]]
    assert writes(3, 4) == [[3], [4]]
    assert writes(3, 5) == [[3, 5]]


def test_a_write_holds_a_thousand_events_at_most() -> None:
    assert [len(write) for write in writes(*[1] * 2_500)] == [1_000, 1_000, 500]


def test_a_command_that_does_not_fit_waits_whole_for_the_next_write() -> None:
    assert writes(600, 600, 1) == [[600], [600, 1]]


@given(st.lists(st.integers(1, 901), max_size=30))
def test_nothing_is_left_out_doubled_reordered_or_torn(sizes: list[int]) -> None:
    waiting, written = units(*sizes), list[int | None]()
    while waiting:
        count = sum(len(unit.events) for unit in waiting)
        write = next_write(waiting)
        size = sum(len(unit.events) for unit in write)
        assert size <= MOST_IN_BATCH
        # Alone while few wait; with others as soon as more than that do.
        if count <= MOST_SINGLES:
            assert len(write) == 1
        elif waiting:
            assert size + len(waiting[0].events) > MOST_IN_BATCH
        written += [unit.ticket for unit in write]
    assert written == list(range(len(sizes)))
