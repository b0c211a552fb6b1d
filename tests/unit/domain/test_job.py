"""What may be asked of a job in each of its states."""

import pytest
from msgspec import structs

from orchestrator.domain.commands import FetchInputs, ReportEnded, ReportLost
from orchestrator.domain.events import JobCancelled, JobEvent
from orchestrator.domain.job import Ended, Queued, Running
from orchestrator.errors import (
    IdempotencyConflictError,
    InvalidCommandError,
    JobEndedError,
    StaleAttemptError,
    UnknownJobError,
)
from tests.examples import (
    ASSIGNED,
    CANCEL,
    CANCEL_REQUESTED,
    CANCELLED,
    CLIENT,
    COMPLETED,
    ECHO,
    FAILED,
    JOB,
    LOST,
    OTHER_CLIENT,
    REFUSED,
    SECOND_LIFE,
    STARTED,
    STOP_REQUESTED,
    SUBMITTED,
    ended,
    started,
    submit,
)
from tests.given import given, state_after

AGAIN = structs.replace(ASSIGNED, attempt=2)
ENDINGS = [COMPLETED, FAILED, CANCELLED]


def test_a_submission_is_recorded_with_its_bundle_and_labels() -> None:
    # The writer replaces the number: only it knows the next one.
    given().when(submit()).then(structs.replace(SUBMITTED, number=0))


def test_the_same_submission_again_changes_nothing() -> None:
    given(SUBMITTED).when(submit()).then()


def test_the_same_submission_after_the_end_changes_nothing() -> None:
    given(SUBMITTED, ASSIGNED, STARTED, COMPLETED).when(submit()).then()


def test_another_body_under_the_same_id_is_a_conflict() -> None:
    given(SUBMITTED).when(submit(body="other")).then_rejected(IdempotencyConflictError)


def test_a_violation_ends_the_job_at_once() -> None:
    state = state_after(REFUSED)
    assert isinstance(state, Ended)
    assert state.state == "invalid"
    given(REFUSED).when(CANCEL).then_rejected(JobEndedError)


def test_an_assigned_job_is_claimed_by_its_client() -> None:
    given(SUBMITTED, ASSIGNED).when(started()).then(STARTED)


def test_a_claim_repeated_by_the_same_incarnation_is_accepted_again() -> None:
    given(SUBMITTED, ASSIGNED, STARTED).when(started()).then()


def test_a_claim_by_another_incarnation_is_stale() -> None:
    claim = started(incarnation=SECOND_LIFE)
    given(SUBMITTED, ASSIGNED, STARTED).when(claim).then_rejected(StaleAttemptError)


def test_a_client_that_was_not_given_the_job_cannot_claim_it() -> None:
    claim = structs.replace(started(), client_id=OTHER_CLIENT)
    given(SUBMITTED, ASSIGNED).when(claim).then_rejected(StaleAttemptError)


def test_a_queued_job_cannot_be_claimed() -> None:
    given(SUBMITTED).when(started()).then_rejected(StaleAttemptError)


def test_a_client_that_lost_its_attempt_is_not_believed() -> None:
    story = (SUBMITTED, ASSIGNED, STARTED, LOST, AGAIN)
    error = given(*story).when(ended(attempt=1)).then_rejected(StaleAttemptError)
    assert error.settled


def test_an_attempt_above_the_known_one_is_not_refused_without_proof() -> None:
    error = given(SUBMITTED, ASSIGNED).when(ended(attempt=7))
    assert not error.then_rejected(StaleAttemptError).settled


def test_exit_code_zero_completes() -> None:
    given(SUBMITTED, ASSIGNED, STARTED).when(ended()).then(COMPLETED)


def test_another_exit_code_fails() -> None:
    given(SUBMITTED, ASSIGNED, STARTED).when(ended(exit_code=3)).then(FAILED)


def test_death_by_a_signal_fails_and_says_which() -> None:
    by_signal = structs.replace(FAILED, reason="signal", exit_code=None, signal=9)
    report = ended(exit_code=None, signal=9)
    given(SUBMITTED, ASSIGNED, STARTED).when(report).then(by_signal)


def test_a_process_that_could_not_be_started_fails_with_that_reason() -> None:
    report = ReportEnded(
        job_id=JOB,
        client_id=CLIENT,
        attempt=1,
        failure="spawn_failed",
    )
    failed = structs.replace(
        FAILED,
        reason="spawn_failed",
        exit_code=None,
        results=None,
        usage=None,
    )
    given(SUBMITTED, ASSIGNED, STARTED).when(report).then(failed)


def test_a_success_without_results_is_refused() -> None:
    report = structs.replace(ended(), results=None)
    error = given(SUBMITTED, ASSIGNED, STARTED).when(report)
    assert "results" in str(error.then_rejected(InvalidCommandError))


def test_an_ending_that_says_nothing_is_refused() -> None:
    report = ended(exit_code=None)
    given(SUBMITTED, ASSIGNED, STARTED).when(report).then_rejected(InvalidCommandError)


def test_nothing_that_was_not_claimed_can_end() -> None:
    given(SUBMITTED, ASSIGNED).when(ended()).then_rejected(StaleAttemptError)


def test_an_accepted_report_is_accepted_again() -> None:
    given(SUBMITTED, ASSIGNED, STARTED, COMPLETED).when(ended()).then()


def test_another_report_after_the_accepted_one_is_stale() -> None:
    story = (SUBMITTED, ASSIGNED, STARTED, COMPLETED)
    given(*story).when(ended(exit_code=3)).then_rejected(StaleAttemptError)


def test_a_lost_attempt_goes_back_to_the_queue_and_keeps_its_number() -> None:
    state = state_after(SUBMITTED, ASSIGNED, STARTED, LOST)
    assert isinstance(state, Queued)
    assert state.attempt == 1


def test_an_attempt_that_its_client_gives_up_is_lost() -> None:
    report = ReportLost(job_id=JOB, client_id=CLIENT, attempt=1, reason="client_lost")
    given(SUBMITTED, ASSIGNED, STARTED).when(report).then(LOST)


@pytest.mark.parametrize("story", [(SUBMITTED,), (SUBMITTED, ASSIGNED)])
def test_what_was_not_claimed_is_cancelled_at_once(story: list[JobEvent]) -> None:
    state = state_after(*story)
    assert not isinstance(state, Ended)
    client_id = CLIENT if ASSIGNED in story else None
    attempt = 1 if ASSIGNED in story else 0
    given(*story).when(CANCEL).then(
        JobCancelled(job_id=JOB, service=ECHO, attempt=attempt, client_id=client_id),
    )


def test_a_claim_after_the_cancellation_is_stale() -> None:
    story = (SUBMITTED, ASSIGNED, JobCancelled(job_id=JOB, service=ECHO, attempt=1))
    given(*story).when(started()).then_rejected(StaleAttemptError)


def test_cancelling_a_running_job_asks_for_its_stop() -> None:
    given(SUBMITTED, ASSIGNED, STARTED).when(CANCEL).then(CANCEL_REQUESTED)


def test_cancelling_twice_changes_nothing() -> None:
    given(SUBMITTED, ASSIGNED, STARTED, CANCEL_REQUESTED).when(CANCEL).then()


@pytest.mark.parametrize("exit_code", [0, 3])
def test_after_a_cancellation_every_ending_is_a_cancellation(exit_code: int) -> None:
    story = (SUBMITTED, ASSIGNED, STARTED, CANCEL_REQUESTED, STOP_REQUESTED)
    expected = structs.replace(CANCELLED, signal=None, exit_code=exit_code)
    given(*story).when(ended(exit_code=exit_code)).then(expected)


def test_a_cancelled_attempt_that_is_lost_is_cancelled_not_queued() -> None:
    report = ReportLost(job_id=JOB, client_id=CLIENT, attempt=1)
    given(SUBMITTED, ASSIGNED, STARTED, CANCEL_REQUESTED).when(report).then(
        JobCancelled(job_id=JOB, service=ECHO, client_id=CLIENT, attempt=1),
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_has_ended_cannot_be_cancelled(ending: JobEvent) -> None:
    error = given(SUBMITTED, ASSIGNED, STARTED, ending).when(CANCEL)
    assert error.then_rejected(JobEndedError).settled


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("event", [AGAIN, STARTED, LOST, CANCEL_REQUESTED, *ENDINGS])
def test_an_ended_job_stays_as_it_ended(ending: JobEvent, event: JobEvent) -> None:
    story = (SUBMITTED, ASSIGNED, STARTED, ending)
    assert state_after(*story, event) == state_after(*story)


def test_an_unknown_job_cannot_be_cancelled_claimed_or_fetched() -> None:
    given().when(CANCEL).then_rejected(UnknownJobError)
    given().when(started()).then_rejected(UnknownJobError)
    fetch = FetchInputs(job_id=JOB, client_id=CLIENT, attempt=1)
    given().when(fetch).then_rejected(UnknownJobError)


def test_inputs_may_be_fetched_while_the_attempt_is_held() -> None:
    fetch = FetchInputs(job_id=JOB, client_id=CLIENT, attempt=1)
    given(SUBMITTED, ASSIGNED).when(fetch).then()
    given(SUBMITTED, ASSIGNED, STARTED).when(fetch).then()
    given(SUBMITTED, ASSIGNED, LOST).when(fetch).then_rejected(StaleAttemptError)


def test_running_names_the_incarnation_that_claimed_it() -> None:
    state = state_after(SUBMITTED, ASSIGNED, STARTED)
    assert isinstance(state, Running)
    assert state.incarnation == STARTED.incarnation
