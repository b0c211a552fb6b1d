from clients.capacity import Capacity
from tests.fakes.hub_rules import key

A, B, C = key("a"), key("b"), key("c")


def test_no_more_than_the_slots_are_admitted_and_the_rest_in_order() -> None:
    capacity = Capacity(1)
    assert [capacity.admit(A), capacity.admit(B), capacity.admit(C)] == [
        True,
        False,
        False,
    ]
    assert capacity.free == 0
    assert capacity.release(A) == [B]
    assert capacity.release(B) == [C]
    assert capacity.release(C) == []
    assert capacity.free == 1


def test_one_that_waits_can_leave_the_line() -> None:
    capacity = Capacity(1)
    capacity.admit(A)
    capacity.admit(B)
    assert capacity.release(B) == []
    assert capacity.release(A) == []


def test_adopted_attempts_count_even_beyond_the_slots() -> None:
    capacity = Capacity(1)
    capacity.occupy(A)
    capacity.occupy(B)
    assert not capacity.admit(C)
    assert capacity.release(A) == []
    assert capacity.release(B) == [C]


def test_a_closed_slot_is_given_to_nobody() -> None:
    capacity = Capacity(1)
    capacity.admit(A)
    capacity.admit(B)
    capacity.close(A)
    assert capacity.release(A) == []
    assert capacity.free == 0
