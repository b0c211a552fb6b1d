"""One job under any events at all: evolving never fails, and an end is an end."""

from hypothesis import given, strategies as st
from msgspec import structs

from orchestrator.domain.events import JobEvent
from orchestrator.domain.job import Ended, Unknown
from tests.examples import (
    ASSIGNED,
    CANCEL_REQUESTED,
    CANCELLED,
    COMPLETED,
    FAILED,
    LOST,
    REFUSED,
    STARTED,
    STOP_REQUESTED,
    SUBMITTED,
)
from tests.given import state_after

EVENTS: list[JobEvent] = [
    SUBMITTED,
    REFUSED,
    ASSIGNED,
    structs.replace(ASSIGNED, attempt=2),
    STARTED,
    COMPLETED,
    FAILED,
    CANCELLED,
    LOST,
    CANCEL_REQUESTED,
    STOP_REQUESTED,
]
HISTORIES = st.lists(st.sampled_from(EVENTS), max_size=8)


@given(HISTORIES, HISTORIES)
def test_whatever_follows_an_end_changes_nothing(
    before: list[JobEvent], after: list[JobEvent]
) -> None:
    ended = state_after(*before)
    if isinstance(ended, Ended):
        assert state_after(*before, *after) == ended


@given(HISTORIES)
def test_nothing_happens_to_a_job_before_its_submission(
    history: list[JobEvent],
) -> None:
    births = [event for event in history if event in (SUBMITTED, REFUSED)]
    assert isinstance(state_after(*history), Unknown) == (not births)


@given(HISTORIES)
def test_a_second_submission_does_not_begin_a_job_anew(history: list[JobEvent]) -> None:
    story = [SUBMITTED, *history]
    assert state_after(*story, SUBMITTED) == state_after(*story)
