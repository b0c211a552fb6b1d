"""When the leading machine answers what appends nothing, or was asked before."""

from collections.abc import Sequence

import pytest

from orchestrator.domain.commands import SyncClient
from orchestrator.domain.events import (
    Event,
    JobSubmitted,
)
from orchestrator.domain.ids import JobId
from orchestrator.errors import (
    IdempotencyConflictError,
    JobEndedError,
    NotLeadingError,
    OrchestratorError,
    StaleAttemptError,
    UnknownJobError,
)
from orchestrator.writer.lead_signals import (
    Append,
    EventFollowed,
    ProofReturned,
    Prove,
)
from tests.examples import (
    ASSIGNED,
    CANCEL,
    CLIENT,
    COMPLETED,
    CONFIGURED,
    ELECTED,
    FIRST_LIFE,
    JOB,
    JOINED,
    STARTED,
    SUBMITTED,
    configure,
    ended,
    join,
    started,
    submit,
)
from tests.unit.writer.desk import Desk

RUNNING: tuple[Event, ...] = (CONFIGURED, JOINED, SUBMITTED, ASSIGNED, STARTED, ELECTED)
DONE: tuple[Event, ...] = (*RUNNING[:-1], COMPLETED, ELECTED)


def jobs_of(events: Sequence[Event]) -> list[str]:
    return [event.job_id for event in events if isinstance(event, JobSubmitted)]


def submit_many(desk: Desk, count: int, first: int = 0) -> list[int]:
    return [desk.ask(submit(JobId(f"new-{n}"))) for n in range(first, first + count)]


def echoes(desk: Desk) -> list[EventFollowed]:
    """Return the write in flight as the log delivers it."""
    assert isinstance(desk.in_flight, Append)
    first = desk.in_flight.expected + 1
    return [
        EventFollowed(position, each)
        for position, each in enumerate(desk.in_flight.events, start=first)
    ]


# -- answers that append nothing ----------------------------------------------------


def test_an_unknown_job_is_refused_only_after_the_log_was_asked() -> None:
    desk = Desk()
    ticket = desk.ask(CANCEL)
    assert desk.in_flight == Prove()
    assert desk.outcome(ticket) is None
    desk.finish(ProofReturned(2))
    assert isinstance(desk.outcome(ticket), UnknownJobError)


def test_an_append_that_began_after_the_command_is_proof_enough() -> None:
    desk = Desk()
    submit_many(desk, 2)
    ticket = desk.ask(CANCEL)
    desk.store()
    assert desk.outcome(ticket) is None
    desk.store()
    assert isinstance(desk.outcome(ticket), UnknownJobError)


def test_a_proof_that_began_before_the_command_is_none_for_it() -> None:
    desk = Desk()
    first, second = desk.ask(CANCEL), desk.ask(CANCEL)
    desk.finish(ProofReturned(2))
    assert desk.outcome(first) is not None
    assert desk.outcome(second) is None
    assert desk.in_flight == Prove()
    desk.finish(ProofReturned(2))
    assert isinstance(desk.outcome(second), UnknownJobError)


def test_the_log_is_asked_once_for_all_who_wait() -> None:
    desk = Desk()
    desk.ask(configure(runs_per_user=3))
    tickets = [desk.ask(CANCEL), *[desk.ask(started(attempt=9)) for _ in range(20)]]
    desk.store_all()
    assert desk.in_flight == Prove()
    desk.finish(ProofReturned(3))
    assert all(desk.outcome(ticket) is not None for ticket in tickets)
    assert desk.in_flight is None


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (CANCEL, JobEndedError),
        (submit(body="another"), IdempotencyConflictError),
        (started(attempt=0), StaleAttemptError),
    ],
)
def test_what_can_never_change_is_answered_at_once(
    command: object, error: type[OrchestratorError]
) -> None:
    desk = Desk(*DONE)
    ticket = desk.ask(command)  # pyright: ignore[reportArgumentType] - a union
    assert isinstance(desk.outcome(ticket), error)
    assert desk.in_flight is None


def test_what_rests_on_a_write_in_flight_is_not_answered_before_it() -> None:
    desk = Desk(*RUNNING)
    desk.ask(ended())
    ticket = desk.ask(CANCEL)
    assert desk.outcome(ticket) is None
    desk.store()
    assert isinstance(desk.outcome(ticket), JobEndedError)


def test_an_attempt_above_the_known_one_is_refused_only_with_proof() -> None:
    desk = Desk(*RUNNING)
    ticket = desk.ask(ended(attempt=2))
    assert desk.outcome(ticket) is None
    assert desk.in_flight == Prove()


def test_a_proof_that_the_log_has_grown_deposes_us() -> None:
    desk = Desk()
    ticket = desk.ask(CANCEL)
    desk.finish(ProofReturned(3))
    assert isinstance(desk.outcome(ticket), NotLeadingError)
    assert len(desk.stepped_down) == 1


# -- commands sent again ------------------------------------------------------------


def test_a_command_sent_again_is_answered_as_the_first_time() -> None:
    desk = Desk()
    first = desk.ask(submit(), command_id="c1")
    desk.store()
    again = desk.ask(submit(body="another"), command_id="c1")
    assert desk.in_flight is None
    assert desk.answered(again).position == desk.answered(first).position


def test_a_command_sent_again_while_it_is_written_waits_for_that_write() -> None:
    desk = Desk()
    desk.ask(submit(), command_id="c1")
    again = desk.ask(submit(), command_id="c1")
    assert desk.outcome(again) is None
    desk.store()
    assert desk.answered(again).position == 3


def test_a_client_whose_join_is_sent_again_still_hears_what_it_holds() -> None:
    desk = Desk(CONFIGURED, SUBMITTED, ELECTED)
    desk.ask(join(), command_id="c1")
    desk.store_all()
    again = desk.ask(join(), command_id="c1")
    (held,) = desk.answered(again).attempts
    assert (held.job_id, held.attempt, held.started) == (JOB, 1, False)


def test_a_client_that_syncs_hears_what_it_holds_after_proof() -> None:
    desk = Desk(*RUNNING)
    ticket = desk.ask(SyncClient(client_id=CLIENT, incarnation=FIRST_LIFE))
    assert desk.in_flight == Prove()
    desk.finish(ProofReturned(6))
    (held,) = desk.answered(ticket).attempts
    assert (held.job_id, held.attempt, held.started) == (JOB, 1, True)
