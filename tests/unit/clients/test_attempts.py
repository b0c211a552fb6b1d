import pytest

from clients.attempt import Holder, Outputs
from clients.attempts import Attempts
from clients.executors.executor import Outcome
from clients.inputs import (
    Answered,
    Assigned,
    AttemptKey,
    Begin,
    Closing,
    Collected,
    Failed,
    InputsReady,
    Keep,
    Level,
    OfAttempt,
    Problem,
    ProcessEnded,
    ProcessStarted,
    Reconnected,
    Rejoin,
    Removed,
    ResultsDelivered,
    Settled,
    SpawnFailed,
    StopAsked,
    Tick,
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
from orchestrator.domain.events import Results
from orchestrator.domain.ids import ClientId, Incarnation
from orchestrator.wire import (
    Accepted,
    Answer,
    Ended,
    Fetch,
    HeldAttempt,
    Lost,
    Refused,
    Started,
)
from tests.fakes.hub_rules import STALE, TOKEN, fetched, key

CLIENT = ClientId("client-a")
KEY = key()
FETCH = Fetch(client_id=CLIENT, job_id=KEY[0], attempt=1)
CLAIM = Started(
    client_id=CLIENT, job_id=KEY[0], attempt=1, incarnation=Incarnation("one")
)
LOST = Lost(client_id=CLIENT, job_id=KEY[0], attempt=1)
SPAWN_FAILED = Ended(client_id=CLIENT, job_id=KEY[0], attempt=1, failure="spawn_failed")
RESULTS = Results(manifest_sha256="ab", size=3, files=1)
ACCEPTED = Accepted(position=20)
UNKNOWN = Refused(code="unknown_client", message="join first")
ASSIGNED = Assigned(key=KEY, position=10)
GONE = Failed(key=KEY, problem="gone")
# The way of an attempt, up to each phase.
WAY: list[Assigned | Answered | OfAttempt] = [
    ASSIGNED,
    Answered(report=FETCH, answer=fetched()),
    InputsReady(key=KEY),
    Answered(report=CLAIM, answer=ACCEPTED),
    ProcessStarted(key=KEY),
    ProcessEnded(key=KEY, outcome=Outcome(job_id=KEY[0], attempt=1, exit_code=3)),
    Collected(key=KEY, results=RESULTS),
    ResultsDelivered(key=KEY),
    Settled(key=KEY),
    Removed(key=KEY),
]
FETCHING, DOWNLOADING, CLAIMING, STARTING, RUNNING = range(1, 6)
COLLECTING, DELIVERING, REPORTING, REMOVING, GONE_BY = range(6, 11)


def attempts(*, slots: int = 2, reported: list[AttemptKey] | None = None) -> Attempts:
    holder = Holder(client_id=CLIENT, incarnation=Incarnation("one"))
    return Attempts(holder=holder, slots=slots, reported=reported or [])


def at(phase: int, *, slots: int = 2) -> Attempts:
    found = attempts(slots=slots)
    for signal in WAY[:phase]:
        found.step(signal, 0.0)
    return found


def level(*, position: int = 50, started: bool = True, stop: bool = False) -> Level:
    held = HeldAttempt(job_id=KEY[0], attempt=1, started=started, stop_requested=stop)
    return Level(position=position, attempts=(held,))


def ended(
    *, signal: int | None = None, stopped: bool = False, failure: str | None = None
) -> ProcessEnded:
    outcome = Outcome(
        job_id=KEY[0], attempt=1, signal=signal, stopped=stopped, failure=failure
    )
    return ProcessEnded(key=KEY, outcome=outcome)


def claim_answer(answer: Answer | None) -> Answered:
    return Answered(report=CLAIM, answer=answer)


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


def test_a_surplus_waits_and_begins_when_a_slot_is_free() -> None:
    found = at(RUNNING, slots=1)
    other = Assigned(key=key("job-2"), position=11)
    assert found.step(other, 0.0) == []
    assert found.held == (KEY, key("job-2"))
    for signal in WAY[RUNNING:REPORTING]:
        found.step(signal, 0.0)
    fetch = Fetch(client_id=CLIENT, job_id=other.key[0], attempt=1)
    outputs = found.step(Settled(key=KEY), 0.0)
    assert outputs == [Remove(key=KEY), Ask(report=fetch)]


def test_a_waiting_attempt_that_is_stopped_never_gets_a_slot() -> None:
    found = at(RUNNING, slots=1)
    found.step(Assigned(key=key("job-2"), position=11), 0.0)
    found.step(StopAsked(key=key("job-2")), 0.0)
    assert found.step(Settled(key=key("job-2")), 0.0) == [Remove(key=key("job-2"))]
    for signal in WAY[RUNNING:REPORTING]:
        found.step(signal, 0.0)
    assert found.step(Settled(key=KEY), 0.0) == [Remove(key=KEY)]
    assert found.free_slots == 1


def test_the_slot_of_an_unkillable_attempt_stays_closed() -> None:
    found = at(RUNNING, slots=2)
    found.step(ended(failure="unkillable"), 0.0)
    for signal in WAY[COLLECTING:]:
        found.step(signal, 0.0)
    assert found.held == ()
    assert found.free_slots == 1


def test_a_newer_attempt_of_a_job_ends_the_older_one() -> None:
    found = at(RUNNING)
    outputs = found.step(Assigned(key=key(attempt=2), position=30), 0.0)
    assert outputs[0] == Stop(key=KEY)
    assert isinstance(outputs[1], Ask)


@pytest.mark.parametrize("phase", [FETCHING, DOWNLOADING])
def test_a_closing_agent_claims_nothing_more(phase: int) -> None:
    found = at(phase)
    assert found.step(Closing(), 0.0) == [Abort(key=KEY)]
    assert found.step(WAY[phase], 0.0) == []
    assert found.step(Assigned(key=key("job-2"), position=11), 0.0) == []


def test_a_closing_agent_finishes_a_claim_that_is_under_way() -> None:
    found = at(CLAIMING)
    assert found.step(Closing(), 0.0) == []
    assert found.may_start
    outputs = found.step(claim_answer(ACCEPTED), 0.0)
    assert outputs == [Run(key=KEY, fetched=fetched())]
    found.step(ProcessStarted(key=KEY), 0.0)
    assert not found.may_start
