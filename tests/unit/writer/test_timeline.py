"""The writer's time, whatever the clocks do."""

from datetime import timedelta

from hypothesis import given, strategies as st

from orchestrator.domain.instant import Instant
from orchestrator.writer.timeline import Timeline
from tests.examples import T0


def moment(wall_seconds: float, monotonic_seconds: float) -> Instant:
    return Instant(
        wall=T0 + timedelta(seconds=wall_seconds),
        monotonic_us=int(monotonic_seconds * 1_000_000),
    )


def test_it_follows_the_clock() -> None:
    timeline = Timeline(None, moment(0, 0))
    assert timeline.stamp(moment(2, 2)) == T0 + timedelta(seconds=2)


def test_a_clock_that_is_set_back_does_not_stop_it() -> None:
    timeline = Timeline(None, moment(100, 0))
    assert timeline.stamp(moment(40, 1)) == T0 + timedelta(seconds=101)
    assert timeline.stamp(moment(41, 2)) == T0 + timedelta(seconds=102)


def test_a_new_leader_whose_clock_is_behind_goes_on_from_the_log() -> None:
    timeline = Timeline(T0 + timedelta(hours=1), moment(0, 0))
    assert timeline.stamp(moment(3, 3)) == T0 + timedelta(hours=1, seconds=3)


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(0, 9)), max_size=30))
def test_it_never_goes_back_nor_passes_slower_than_time_did(
    steps: list[tuple[int, int]],
) -> None:
    timeline, monotonic = Timeline(T0, moment(0, 0)), 0
    before = T0
    for wall, passed in steps:
        monotonic += passed
        at = timeline.stamp(moment(wall, monotonic))
        assert at - before >= timedelta(seconds=passed)
        before = at
