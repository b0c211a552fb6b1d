"""What an attempt does when something did not work: ask again, or give way."""

import pytest

from clients.inputs import Answered, Failed, Problem, Reconnected, Rejoin, Tick
from clients.outputs import Abort, Ask, Collect, Deliver, Download, Remove, Run, Watch
from tests.fakes.hub_rules import STALE, TOKEN, fetched
from tests.unit.clients.way import (
    ACCEPTED,
    CLAIM,
    CLAIMING,
    COLLECTING,
    DELIVERING,
    DOWNLOADING,
    FETCH,
    FETCHING,
    KEY,
    REMOVING,
    RUNNING,
    STARTING,
    UNKNOWN,
    at,
    claim_answer,
)


@pytest.mark.parametrize("phase", [FETCHING, CLAIMING])
def test_a_stale_attempt_is_discarded_and_never_runs(phase: int) -> None:
    report = FETCH if phase == FETCHING else CLAIM
    found = at(phase)
    assert found.step(Answered(report=report, answer=STALE), 0.0) == [
        Abort(key=KEY),
        Remove(key=KEY),
    ]
    assert found.step(claim_answer(ACCEPTED), 0.0) == []


@pytest.mark.parametrize("phase", [FETCHING, CLAIMING])
def test_a_lost_answer_is_asked_for_again_after_a_pause(phase: int) -> None:
    report = FETCH if phase == FETCHING else CLAIM
    found = at(phase)
    assert found.step(Answered(report=report, answer=None), 0.0) == []
    assert found.step(Tick(), 0.05) == []
    assert found.step(Tick(), 0.1) == [Ask(report=report)]
    assert found.due is None


def test_a_hub_that_does_not_know_us_is_joined_and_asked_again() -> None:
    found = at(CLAIMING)
    assert found.step(claim_answer(UNKNOWN), 0.0) == [Rejoin()]
    assert found.step(Reconnected(), 0.0) == [Ask(report=CLAIM)]


@pytest.mark.parametrize(
    ("phase", "problem", "again"),
    [
        (DOWNLOADING, "trouble", Download(key=KEY, fetched=fetched())),
        (DOWNLOADING, "unauthorized", Ask(report=FETCH)),
        (STARTING, "trouble", Run(key=KEY, fetched=fetched())),
        (RUNNING, "trouble", Watch(key=KEY)),
        (COLLECTING, "trouble", Collect(key=KEY, afresh=False)),
        (DELIVERING, "trouble", Deliver(key=KEY, token=TOKEN)),
        (DELIVERING, "unauthorized", Ask(report=FETCH)),
        (DELIVERING, "rejected", Collect(key=KEY, afresh=True)),
        (REMOVING, "trouble", Remove(key=KEY)),
    ],
)
def test_what_did_not_work_is_tried_again(
    phase: int, problem: Problem, again: object
) -> None:
    found = at(phase)
    assert found.step(Failed(key=KEY, problem=problem), 0.0) == []
    assert found.step(Tick(), 0.1) == [again]


def test_pauses_grow_while_nothing_works_also_over_a_new_token() -> None:
    found = at(DOWNLOADING)
    for pause in (0.1, 0.2, 0.4):
        found.step(Failed(key=KEY, problem="unauthorized"), 0.0)
        assert found.due == pause
        found.step(Tick(), 1.0)
        found.step(Answered(report=FETCH, answer=fetched()), 0.0)
