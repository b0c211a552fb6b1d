from hypothesis import given, strategies as st

from orchestrator.writer.numbers import Numbers


def test_a_number_above_all_is_kept_and_the_next_job_gets_one_more() -> None:
    numbers = Numbers()

    assert numbers.for_import(57) == 57
    numbers.imported(57)

    assert numbers.next == 58


def test_what_an_import_has_left_out_is_kept_for_another() -> None:
    numbers = Numbers()
    numbers.imported(57)

    assert numbers.for_import(12) == 12
    numbers.imported(12)

    assert numbers.gaps == [(1, 11), (13, 56)]
    assert numbers.for_import(12) == 58


def test_a_number_that_a_job_was_submitted_with_is_taken() -> None:
    numbers = Numbers()
    numbers.submitted(1)
    numbers.imported(5)

    assert numbers.for_import(1) == 6


def test_numbers_below_a_jump_of_submissions_may_have_been_given() -> None:
    numbers = Numbers()
    numbers.submitted(1_000_000)

    assert numbers.for_import(7) == 1_000_001


@given(
    st.lists(st.one_of(st.none(), st.integers(1, 30)), max_size=40),
    st.integers(1, 4),
)
def test_no_number_is_given_twice_and_none_is_refused_without_need(
    wishes: list[int | None], first: int
) -> None:
    numbers, given_ = Numbers(), set[int]()
    for number in range(1, first):
        numbers.submitted(number)
        given_.add(number)
    for wish in wishes:
        number = numbers.next if wish is None else numbers.for_import(wish)
        assert number not in given_
        if wish is None:
            numbers.submitted(number)
        else:
            assert number == wish or wish in given_
            numbers.imported(number)
        given_.add(number)
        restored = Numbers(numbers.next, numbers.gaps)
        assert (restored.next, restored.gaps) == (numbers.next, numbers.gaps)
