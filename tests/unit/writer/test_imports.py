"""Jobs of the original, brought over: what the writer makes of them."""

import pytest
from msgspec import structs

from orchestrator.domain.commands import CancelJob, ImportJob
from orchestrator.domain.events import JobImported, Violation
from orchestrator.domain.ids import JobId, ServiceName, UserId
from orchestrator.domain.job import Ended, Queued
from orchestrator.errors import (
    ForbiddenError,
    InvalidCommandError,
    JobEndedError,
    UnknownServiceError,
)
from orchestrator.writer import snapshot
from tests.examples import (
    ADA,
    BUNDLE,
    ECHO,
    IMPORTED,
    JOB,
    OPERATOR,
    RESULTS,
    T0,
    submit,
)
from tests.unit.writer.world import Bench


def bring_over(job_id: JobId = JOB, number: int = 1) -> ImportJob:
    """Return the import of a job that had completed."""
    return ImportJob(
        job_id=job_id,
        number=number,
        service=ECHO,
        user=ADA,
        state="completed",
        created_at=T0,
        results=RESULTS,
    )


TO_RUN = structs.replace(bring_over(), state="queued", bundle=BUNDLE, results=None)


def bench() -> Bench:
    bench = Bench()
    bench.service()
    return bench


def test_a_job_that_was_over_is_taken_over_as_it_ended() -> None:
    world = bench()

    assert world.ask(bring_over(), OPERATOR) == [IMPORTED]

    ended = world.state.job(JOB)
    assert isinstance(ended, Ended)
    assert (ended.state, ended.attempt) == ("completed", 1)
    with pytest.raises(JobEndedError):
        world.ask(CancelJob(job_id=JOB))


def test_taking_over_a_second_time_changes_nothing() -> None:
    world = bench()
    world.ask(bring_over(), OPERATOR)

    assert world.ask(bring_over(number=9), OPERATOR) == []


def test_a_job_that_is_to_run_waits_for_its_turn_and_runs() -> None:
    world = bench()
    world.ask(TO_RUN, OPERATOR)
    assert isinstance(world.state.job(JOB), Queued)

    world.client()

    assert world.play() == [JOB]


def test_a_job_that_may_not_run_is_invalid_at_once() -> None:
    world = bench()
    violation = Violation(rule="no-sudo", line=3)
    world.ask(structs.replace(TO_RUN, violation=violation), OPERATOR)

    ended = world.state.job(JOB)
    assert isinstance(ended, Ended)
    assert ended.state == "invalid"


def test_new_jobs_get_numbers_above_those_that_were_taken_over() -> None:
    world = bench()
    world.ask(bring_over(JobId("a"), 57), OPERATOR)
    world.ask(submit(JobId("b")))

    assert world.state.numbers.next == 59


def test_a_number_that_is_taken_is_replaced_and_the_old_one_is_told() -> None:
    world = bench()
    world.ask(submit(JobId("a")))

    (event,) = world.ask(bring_over(JobId("b"), 1), OPERATOR)

    assert isinstance(event, JobImported)
    assert (event.number, event.original_number) == (2, 1)


def test_numbers_that_are_still_free_survive_a_snapshot() -> None:
    world = bench()
    world.ask(bring_over(JobId("a"), 57), OPERATOR)

    restored = snapshot.restore(snapshot.take(world.state))

    assert restored is not None
    assert restored.numbers.gaps == [(1, 56)]
    assert snapshot.take(restored) == snapshot.take(world.state)


def test_a_job_that_was_over_may_be_of_a_service_that_is_no_more() -> None:
    gone = structs.replace(bring_over(), service=ServiceName("gone"))

    assert bench().ask(gone, OPERATOR)
    with pytest.raises(UnknownServiceError):
        bench().ask(structs.replace(TO_RUN, service=ServiceName("gone")), OPERATOR)


def test_only_an_operator_takes_jobs_over() -> None:
    with pytest.raises(ForbiddenError):
        bench().ask(bring_over())


@pytest.mark.parametrize(
    "command",
    [
        bring_over(number=0),
        bring_over(number=2**31),
        structs.replace(bring_over(), user=UserId("")),
        structs.replace(bring_over(), service=ServiceName("x" * 201)),
        structs.replace(bring_over(), results=None),
        structs.replace(TO_RUN, bundle=None),
    ],
    ids=["number-0", "number-high", "user", "service", "results", "bundle"],
)
def test_what_cannot_be_is_refused(command: ImportJob) -> None:
    with pytest.raises(InvalidCommandError):
        bench().ask(command, OPERATOR)
