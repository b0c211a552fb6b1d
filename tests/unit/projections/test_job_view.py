from collections.abc import Sequence

from msgspec import structs

from orchestrator.domain.events import Event, Violation
from orchestrator.domain.job import outcome_digest
from projections.read_models.jobs import JOBS, JobView
from tests.examples import (
    ADA,
    ASSIGNED,
    BUNDLE,
    CANCEL_REQUESTED,
    CANCELLED,
    CLIENT,
    COMPLETED,
    ECHO,
    ELECTED,
    FAILED,
    FIRST_LIFE,
    JOB,
    LOST,
    RESULTS,
    STARTED,
    STOP_REQUESTED,
    SUBMITTED,
    USAGE,
)
from tests.unit.projections.histories import at, recorded


def view_of(events: Sequence[Event]) -> JobView:
    view: JobView | None = None
    for position, event in enumerate(events, start=1):
        view = JOBS.evolve(view, position, recorded(position, event))
    assert view is not None
    return view


def test_a_submitted_job_is_queued_with_what_it_was_born_with() -> None:
    assert view_of([SUBMITTED]) == JobView(
        job_id=JOB,
        number=1,
        service=ECHO,
        user=ADA,
        state="queued",
        submitted_position=1,
        submitted_at=at(1),
        labels=("batch-7",),
        bundle=BUNDLE,
        body_digest="body-1",
        position=1,
    )


def test_a_submission_with_a_violation_has_ended_as_invalid() -> None:
    violation = Violation(rule="no-sudo", line=4)
    view = view_of([structs.replace(SUBMITTED, violation=violation)])
    assert (view.state, view.ended, view.ended_at) == ("invalid", True, at(1))
    assert (view.reason, view.line) == ("no-sudo", 4)


def test_an_assigned_job_names_client_and_attempt() -> None:
    view = view_of([SUBMITTED, ASSIGNED])
    assert (view.state, view.client_id, view.attempt) == ("assigned", CLIENT, 1)
    assert (view.assigned_at, view.started_at) == (at(2), None)


def test_a_started_job_runs_in_an_incarnation() -> None:
    view = view_of([SUBMITTED, ASSIGNED, STARTED])
    assert (view.state, view.incarnation) == ("running", FIRST_LIFE)
    assert view.started_at == at(3)


def test_a_lost_attempt_puts_the_job_back_and_says_why() -> None:
    view = view_of([SUBMITTED, ASSIGNED, STARTED, LOST])
    assert (view.state, view.reason, view.attempt) == ("queued", "client_lost", 1)
    assert (view.client_id, view.incarnation) == (None, None)
    assert (view.assigned_at, view.started_at) == (None, None)


def test_the_next_attempt_forgets_why_the_last_one_was_lost() -> None:
    again = structs.replace(ASSIGNED, attempt=2)
    view = view_of([SUBMITTED, ASSIGNED, LOST, again])
    assert (view.state, view.attempt, view.reason) == ("assigned", 2, None)


def test_a_completed_job_keeps_results_usage_and_the_digest_of_its_report() -> None:
    view = view_of([SUBMITTED, ASSIGNED, STARTED, COMPLETED])
    assert (view.state, view.exit_code, view.ended_at) == ("completed", 0, at(4))
    assert (view.results, view.usage) == (RESULTS, USAGE)
    assert view.outcome_digest == outcome_digest(COMPLETED)


def test_a_failed_job_says_by_what() -> None:
    killed = structs.replace(FAILED, reason="signal", exit_code=None, signal=9)
    view = view_of([SUBMITTED, ASSIGNED, STARTED, killed])
    assert (view.state, view.reason) == ("failed", "signal")
    assert (view.exit_code, view.signal) == (None, 9)


def test_a_cancelled_job_shows_the_request_first_and_then_the_end() -> None:
    asked = [SUBMITTED, ASSIGNED, STARTED, CANCEL_REQUESTED, STOP_REQUESTED]
    view = view_of(asked)
    assert (view.state, view.cancel_requested, view.position) == ("running", True, 5)
    view = view_of([*asked, CANCELLED])
    assert (view.state, view.signal, view.ended_at) == ("cancelled", 15, at(6))


def test_what_has_ended_changes_no_more() -> None:
    events = [SUBMITTED, ASSIGNED, STARTED, COMPLETED]
    assert view_of([*events, FAILED, LOST, CANCEL_REQUESTED]) == view_of(events)


def test_an_event_of_an_unknown_job_makes_no_view() -> None:
    assert JOBS.evolve(None, 3, recorded(3, STARTED)) is None


def test_events_about_other_things_are_about_no_job() -> None:
    assert JOBS.key(STARTED) == JOB
    assert JOBS.key(ELECTED) is None
