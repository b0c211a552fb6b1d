"""Each assignment carries the numbers that it was decided on."""

from datetime import timedelta

from orchestrator.domain.commands import ReportLost
from orchestrator.domain.events import AssignmentReason
from orchestrator.domain.ids import JobId
from orchestrator.writer.plan import plan_next
from orchestrator.writer.state import WriterState
from tests.examples import CLIENT
from tests.unit.writer.world import Bench


def test_without_jobs_or_clients_nothing_is_planned() -> None:
    bench = Bench()
    assert plan_next(WriterState(), bench.now) is None
    bench.service()
    bench.submit("ada", "a1")
    assert plan_next(bench.state, bench.now) is None


def test_the_reason_says_what_the_plan_saw() -> None:
    bench = Bench()
    bench.service(runs_per_user=3, max_runs=7)
    bench.client(slots=4)
    bench.submit("ada", "a1", "a2")
    bench.submit("bob", "b1")
    assert bench.assigned() == ["a1", "b1", "a2"]
    bench.submit("bob", "b2")
    submitted = bench.now
    bench.now += timedelta(milliseconds=250)
    (made,) = bench.settle()
    assert made.reason == AssignmentReason(
        user_running=1,
        runs_per_user=3,
        service_running=3,
        max_runs=7,
        flow_tag=1,
        flow_tag_after=2,
        virtual_time=1,
        service_tag=3,
        waited_ms=250,
        free_slots=1,
    )
    assert bench.now - submitted > timedelta(milliseconds=250)


def test_waiting_is_counted_anew_after_a_lost_attempt() -> None:
    bench = Bench()
    bench.service()
    bench.client()
    bench.submit("ada", "a1")
    assert bench.assigned() == ["a1"]
    bench.now += timedelta(hours=1)
    bench.ask(ReportLost(job_id=JobId("a1"), client_id=CLIENT, attempt=1))
    (made,) = bench.settle()
    assert (made.attempt, made.reason.waited_ms) == (2, 0)


def test_planning_changes_nothing_by_itself() -> None:
    bench = Bench()
    bench.service()
    bench.client()
    bench.submit("ada", "a1")
    first = plan_next(bench.state, bench.now)
    assert first is not None
    assert plan_next(bench.state, bench.now) == first
