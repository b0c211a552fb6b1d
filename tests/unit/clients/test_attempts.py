import pytest

from clients.attempt import Outputs
from clients.inputs import (
    Assigned,
    Collected,
    Keep,
    ProcessStarted,
    SpawnFailed,
    StopAsked,
)
from clients.outputs import (
    Abort,
    Ask,
    Collect,
    Deliver,
    Download,
    Remove,
    Run,
    Stop,
    Watch,
)
from orchestrator.wire import Ended
from tests.fakes.hub_rules import TOKEN, fetched, key
from tests.unit.clients.way import (
    ACCEPTED,
    ASSIGNED,
    CLAIM,
    CLAIMING,
    CLIENT,
    COLLECTING,
    DELIVERING,
    DOWNLOADING,
    FETCH,
    FETCHING,
    GONE,
    KEY,
    LOST,
    REMOVING,
    REPORTING,
    RESULTS,
    RUNNING,
    SPAWN_FAILED,
    STARTING,
    WAY,
    at,
    attempts,
    claim_answer,
    ended,
)


def test_the_way_of_an_attempt_is_fetch_claim_run_collect_deliver_report() -> None:
    found = attempts()
    outputs: Outputs = []
    for signal in WAY:
        outputs += found.step(signal, 0.0)
    report = Ended(
        client_id=CLIENT, job_id=KEY[0], attempt=1, exit_code=3, results=RESULTS
    )
    assert outputs == [
        Ask(report=FETCH),
        Download(key=KEY, fetched=fetched()),
        Ask(report=CLAIM),
        Run(key=KEY, fetched=fetched()),
        Watch(key=KEY),
        Collect(key=KEY, afresh=False),
        Deliver(key=KEY, token=TOKEN),
        Keep(report=report),
        Remove(key=KEY),
    ]
    assert found.held == ()


@pytest.mark.parametrize("phase", range(1, 10))
def test_an_assignment_taken_twice_does_nothing_in_any_phase(phase: int) -> None:
    assert at(phase).step(ASSIGNED, 0.0) == []


@pytest.mark.parametrize("phase", range(1, 10))
def test_what_has_happened_before_does_nothing_when_it_is_said_again(
    phase: int,
) -> None:
    found = at(phase)
    for signal in WAY[:phase]:
        assert found.step(signal, 0.0) == []


@pytest.mark.parametrize("phase", [FETCHING, DOWNLOADING, CLAIMING])
def test_a_stop_before_there_is_a_process_reports_the_attempt_lost(phase: int) -> None:
    outputs = at(phase).step(StopAsked(key=KEY), 0.0)
    assert outputs == [Abort(key=KEY), Keep(report=LOST)]


def test_a_claim_accepted_after_a_stop_starts_nothing() -> None:
    found = at(CLAIMING)
    found.step(StopAsked(key=KEY), 0.0)
    assert found.step(claim_answer(ACCEPTED), 0.0) == []


def test_a_stop_while_the_process_starts_stops_it_once_it_is_there() -> None:
    found = at(STARTING)
    assert found.step(StopAsked(key=KEY), 0.0) == []
    assert found.step(ProcessStarted(key=KEY), 0.0) == [
        Watch(key=KEY),
        Stop(key=KEY),
    ]


def test_a_stopped_process_still_has_its_results_delivered() -> None:
    found = at(RUNNING)
    assert found.step(StopAsked(key=KEY), 0.0) == [Stop(key=KEY)]
    assert found.step(StopAsked(key=KEY), 0.0) == []
    outputs = found.step(ended(signal=15, stopped=True), 0.0)
    assert outputs == [Collect(key=KEY, afresh=False)]


@pytest.mark.parametrize("phase", [COLLECTING, DELIVERING, REPORTING, REMOVING])
def test_a_stop_after_the_process_has_ended_changes_nothing(phase: int) -> None:
    assert at(phase).step(StopAsked(key=KEY), 0.0) == []


def test_a_process_that_nobody_saw_end_is_reported_lost() -> None:
    assert at(RUNNING).step(ended(failure="lost"), 0.0) == [Keep(report=LOST)]


def test_a_process_that_was_stopped_without_the_hubs_wish_is_reported_lost() -> None:
    outputs = at(RUNNING).step(ended(signal=15, stopped=True), 0.0)
    assert outputs == [Keep(report=LOST)]


def test_a_process_that_cannot_be_started_is_reported_without_results() -> None:
    outputs = at(STARTING).step(SpawnFailed(key=KEY), 0.0)
    assert outputs == [Keep(report=SPAWN_FAILED)]


def test_inputs_that_are_gone_are_claimed_and_then_reported_without_a_start() -> None:
    found = at(DOWNLOADING)
    assert found.step(GONE, 0.0) == [Ask(report=CLAIM)]
    assert found.step(claim_answer(ACCEPTED), 0.0) == [Keep(report=SPAWN_FAILED)]


def test_a_workspace_that_vanished_is_reported_lost() -> None:
    outputs = at(COLLECTING).step(Collected(key=KEY, results=None), 0.0)
    assert outputs == [Keep(report=LOST)]


def test_a_newer_attempt_of_a_job_ends_the_older_one() -> None:
    found = at(RUNNING)
    outputs = found.step(Assigned(key=key(attempt=2), position=30), 0.0)
    assert outputs[0] == Stop(key=KEY)
    assert isinstance(outputs[1], Ask)
