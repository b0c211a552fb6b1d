"""Each way an operation can end, and what each kind of caller is then told."""

import pytest

from orchestrator.domain.commands import CancelJob
from orchestrator.domain.ids import JobId
from orchestrator.errors import (
    EventTooLargeError,
    IdempotencyConflictError,
    LogFullError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
    UnknownJobError,
)
from orchestrator.writer.commands import Answered
from orchestrator.writer.lead_signals import (
    AppendDoubtful,
    AppendRefused,
    AppendStored,
    EventFollowed,
    Input,
    ProofReturned,
    Prove,
    Ticket,
)
from tests.examples import ELECTED, JOB, recorded, submit
from tests.unit.writer.desk import Desk

SENT, QUEUED, AGAIN, REPEATED, CONFLICT, UNKNOWN = (
    "was sent",
    "waits for its turn",
    "hands in what was sent, as a command of its own",
    "sent again under the same command id",
    "hands in another body for what was sent",
    "asks for a job that nobody knows",
)

DOUBTS = {
    "fenced off": AppendDoubtful("the log's end is no longer at position 2"),
    "timed out": AppendDoubtful("no answer within 5.0 s"),
    "cut off": AppendDoubtful("the connection was lost"),
    "overtaken": EventFollowed(3, recorded(ELECTED, 60)),
}
REFUSALS = {
    "full": LogFullError(),
    "too large": EventTooLargeError(size=2, limit=1),
}


def callers(desk: Desk) -> dict[str, Ticket]:
    """Have one of each kind ask while a submission is in flight."""
    return {
        SENT: desk.ask(submit(), command_id="c-1"),
        QUEUED: desk.ask(submit(JobId("job-2")), command_id="c-2"),
        AGAIN: desk.ask(submit(), command_id="c-3"),
        REPEATED: desk.ask(submit(), command_id="c-1"),
        CONFLICT: desk.ask(submit(body="another"), command_id="c-4"),
        UNKNOWN: desk.ask(CancelJob(job_id=JobId("nobody's"))),
    }


def told(desk: Desk, who: dict[str, Ticket]) -> dict[str, type[object]]:
    return {kind: type(desk.outcome(ticket)) for kind, ticket in who.items()}


@pytest.mark.parametrize("ending", DOUBTS.values(), ids=DOUBTS.keys())
def test_in_doubt_nobody_is_told_what_may_not_be_so(ending: Input) -> None:
    desk = Desk()
    who = callers(desk)
    assert desk.answers == {}
    desk.finish(ending)
    assert len(desk.stepped_down) == 1
    assert told(desk, who) == {
        SENT: OutcomeUnknownError,
        QUEUED: NotLeadingError,
        AGAIN: NotLeadingError,
        REPEATED: OutcomeUnknownError,
        CONFLICT: NotLeadingError,
        UNKNOWN: NotLeadingError,
    }


@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_for_a_reason_is_told_to_who_was_sent_and_steps_down(
    error: OrchestratorError,
) -> None:
    # The state holds what the log refused: it is thrown away like after a doubt.
    desk = Desk()
    who = callers(desk)
    desk.finish(AppendRefused(error))
    assert len(desk.stepped_down) == 1
    assert told(desk, who) == {
        SENT: type(error),
        QUEUED: NotLeadingError,
        AGAIN: NotLeadingError,
        REPEATED: type(error),
        CONFLICT: NotLeadingError,
        UNKNOWN: NotLeadingError,
    }


def test_an_acknowledgement_answers_all_that_rests_on_it() -> None:
    desk = Desk()
    who = callers(desk)
    desk.finish(AppendStored())
    assert told(desk, who) == {
        SENT: Answered,
        QUEUED: type(None),
        AGAIN: type(None),  # since then other events were decided: it waits for them
        REPEATED: type(None),
        CONFLICT: type(None),
        UNKNOWN: type(None),
    }
    desk.store_all()
    assert told(desk, who) == {
        SENT: Answered,
        QUEUED: Answered,
        AGAIN: Answered,
        REPEATED: Answered,
        CONFLICT: IdempotencyConflictError,
        UNKNOWN: UnknownJobError,
    }
    assert desk.answered(who[REPEATED]).position == desk.answered(who[SENT]).position
    assert desk.stepped_down == []


@pytest.mark.parametrize(
    "ending",
    [ProofReturned(3), ProofReturned(1), AppendDoubtful("no NATS server answers")],
    ids=["the log has grown", "the log has shrunk", "no answer"],
)
def test_without_proof_what_is_unknown_to_us_is_not_called_unknown(
    ending: Input,
) -> None:
    desk = Desk()
    ticket = desk.ask(CancelJob(job_id=JobId("nobody's")))
    assert isinstance(desk.in_flight, Prove)
    desk.finish(ending)
    assert isinstance(desk.outcome(ticket), NotLeadingError)
    assert len(desk.stepped_down) == 1


@pytest.mark.parametrize(
    "late",
    [
        AppendStored(),
        AppendDoubtful("no answer within 5.0 s"),
        AppendRefused(LogFullError()),
        ProofReturned(2),
        EventFollowed(3, recorded(ELECTED, 60)),
    ],
    ids=lambda late: type(late).__name__,
)
def test_whatever_comes_after_the_doubt_changes_nothing(late: Input) -> None:
    desk = Desk()
    who = callers(desk)
    desk.finish(AppendDoubtful("timed out"))
    before = told(desk, who)
    assert desk.give(late) == []
    assert told(desk, who) == before
    assert desk.in_flight is None


def test_what_was_acknowledged_before_the_doubt_stays_answered() -> None:
    desk = Desk()
    first = desk.ask(submit(), command_id="c-1")
    desk.store()
    desk.ask(submit(JobId("job-2")), command_id="c-2")
    again = desk.ask(submit(), command_id="c-1")
    desk.finish(AppendDoubtful("timed out"))
    assert isinstance(desk.outcome(first), Answered)
    # It waited behind the write that failed: it asks the next leader, who knows it.
    assert isinstance(desk.outcome(again), NotLeadingError)
    assert desk.lead.acknowledged == 3
    assert JOB in desk.lead.state.live
