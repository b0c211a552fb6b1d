"""Who is next: stories of users, services and limits."""

import pytest

from orchestrator.domain.commands import (
    CancelJob,
    LeaveClient,
    ReportLost,
    RetireService,
)
from orchestrator.domain.ids import JobId
from orchestrator.errors import UnknownServiceError
from tests.examples import CLIENT, ECHO, FIRST_LIFE, OPERATOR
from tests.unit.writer.world import Bench


@pytest.fixture
def bench() -> Bench:
    """Return a bench with one service and one client of one slot."""
    bench = Bench()
    bench.service()
    bench.client()
    return bench


def test_users_take_turns_however_many_jobs_they_have(bench: Bench) -> None:
    bench.submit("ada", "a1", "a2", "a3")
    bench.submit("bob", "b1", "b2")
    assert bench.play() == ["a1", "b1", "a2", "b2", "a3"]


def test_who_was_served_least_recently_comes_first(bench: Bench) -> None:
    bench.submit("ada", "a1")
    assert bench.play() == ["a1"]
    bench.submit("ada", "a2")
    bench.submit("bob", "b1")
    assert bench.play() == ["b1", "a2"]


def test_who_was_away_does_not_catch_up(bench: Bench) -> None:
    bench.submit("ada", *(f"a{n}" for n in range(8)))
    for n in range(5):
        assert bench.assigned() == [f"a{n}"]
        bench.finish(f"a{n}")
    bench.submit("bob", *(f"b{n}" for n in range(4)))
    assert bench.play() == ["b0", "a5", "b1", "a6", "b2", "a7", "b3"]


def test_services_take_turns(bench: Bench) -> None:
    bench.service("fold")
    bench.submit("ada", "e1", "e2", "e3")
    bench.submit("ada", "f1", "f2", service="fold")
    assert bench.play() == ["e1", "f1", "e2", "f2", "e3"]


def test_a_user_at_the_limit_is_passed_over_until_a_job_ends(bench: Bench) -> None:
    bench.service(runs_per_user=1)
    bench.client(slots=3)
    bench.submit("ada", "a1", "a2")
    bench.submit("bob", "b1", "b2")
    assert bench.assigned() == ["a1", "b1"]
    bench.finish("b1")
    assert bench.assigned() == ["b2"]
    bench.finish("a1")
    assert bench.assigned() == ["a2"]


def test_a_raised_limit_lets_the_waiting_run_at_once(bench: Bench) -> None:
    bench.service(runs_per_user=1, max_runs=1)
    bench.client(slots=9)
    bench.submit("ada", "a1", "a2", "a3")
    bench.submit("bob", "b1")
    assert bench.assigned() == ["a1"]
    bench.service(runs_per_user=1, max_runs=9)
    assert bench.assigned() == ["b1"]
    bench.service(runs_per_user=2, max_runs=9)
    assert bench.assigned() == ["a2"]


def test_a_lowered_limit_takes_nothing_away_and_binds_what_comes(bench: Bench) -> None:
    bench.client(slots=9)
    bench.submit("ada", "a1", "a2", "a3")
    assert bench.assigned() == ["a1", "a2", "a3"]
    bench.service(runs_per_user=2)
    bench.submit("ada", "a4")
    bench.finish("a1")
    assert bench.assigned() == []
    bench.finish("a2")
    assert bench.assigned() == ["a4"]


def test_a_service_at_its_limit_does_not_hold_up_the_others(bench: Bench) -> None:
    bench.service(max_runs=1)
    bench.service("fold")
    bench.client(slots=9)
    bench.submit("ada", "e1", "e2")
    bench.submit("bob", "e3")
    bench.submit("ada", "f1", "f2", service="fold")
    assert bench.assigned() == ["e1", "f1", "f2"]
    bench.finish("e1")
    assert bench.assigned() == ["e3"]


def test_a_user_who_was_held_up_by_a_limit_gets_no_burst(bench: Bench) -> None:
    bench.service(runs_per_user=2)
    bench.client(slots=3)
    bench.submit("ada", *(f"a{n}" for n in range(9)))
    assert bench.assigned() == ["a0", "a1"]
    for n in range(20):
        bench.submit("bob", f"b{n}")
        bench.finish(*bench.assigned())
    bench.submit("bob", "x1", "x2", "x3")
    bench.service(runs_per_user=9)
    bench.client(slots=2)
    bench.finish("a0", "a1")
    bench.client(slots=1)
    assert bench.play()[:6] == ["a2", "a3", "x1", "a4", "x2", "a5"]


def test_a_service_that_was_held_up_by_its_limit_gets_no_burst(bench: Bench) -> None:
    bench.service(max_runs=1)
    bench.service("fold")
    bench.client(slots=2)
    bench.submit("ada", *(f"e{n}" for n in range(9)))
    assert bench.assigned() == ["e0"]
    for n in range(20):
        bench.submit("ada", f"f{n}", service="fold")
        bench.finish(*bench.assigned())
    bench.submit("ada", "x1", "x2", "x3", service="fold")
    bench.client(slots=1)
    bench.finish("e0")
    bench.service(max_runs=9)
    order = bench.play()
    assert order.index("x1") <= 2
    assert order.index("x2") <= 4


def test_a_lost_job_goes_before_its_users_others(bench: Bench) -> None:
    bench.submit("ada", "a1", "a2")
    assert bench.assigned() == ["a1"]
    bench.ask(ReportLost(job_id=JobId("a1"), client_id=CLIENT, attempt=1))
    assert bench.play() == ["a1", "a2"]


def test_what_a_client_held_when_it_left_is_given_to_another(bench: Bench) -> None:
    bench.client(slots=2)
    bench.submit("ada", "a1", "a2", "a3")
    assert bench.assigned() == ["a1", "a2"]
    bench.ask(LeaveClient(client_id=CLIENT, incarnation=FIRST_LIFE))
    assert bench.assigned() == []
    bench.client("another")
    assert set(bench.play()) == {"a1", "a2", "a3"}
    assert bench.state.clients.joined.keys() == {"another"}


def test_a_job_is_cancelled_out_of_the_middle_of_the_queue(bench: Bench) -> None:
    bench.submit("ada", "a1", "a2", "a3")
    bench.ask(CancelJob(job_id=JobId("a2")))
    assert bench.play() == ["a1", "a3"]


def test_cancelling_the_last_of_a_users_jobs_leaves_the_others_in_turn(
    bench: Bench,
) -> None:
    bench.submit("ada", "a1")
    bench.submit("bob", "b1", "b2")
    bench.ask(CancelJob(job_id=JobId("a1")))
    assert bench.play() == ["b1", "b2"]


def test_a_client_gets_only_jobs_of_the_services_it_serves(bench: Bench) -> None:
    bench.service("fold")
    bench.client("picky", "fold", slots=5)
    bench.submit("ada", "e1", "e2")
    bench.submit("ada", "f1", "f2", service="fold")
    made = {one.job_id: one.client_id for one in bench.settle()}
    assert made == {"e1": CLIENT, "f1": "picky", "f2": "picky"}


def test_a_client_with_more_room_is_served_before_one_with_less(bench: Bench) -> None:
    bench.client("wide", slots=2)
    bench.submit("ada", "a1", "a2", "a3")
    # Of equals the smaller id.
    assert [one.client_id for one in bench.settle()] == ["wide", CLIENT, "wide"]


def test_nobody_who_serves_a_service_holds_up_no_other_service(bench: Bench) -> None:
    bench.service("fold")
    bench.client(CLIENT, ECHO, slots=2)
    bench.submit("ada", "f1", service="fold")
    bench.submit("ada", "e1")
    assert bench.assigned() == ["e1"]


def test_a_service_nobody_served_for_long_gets_no_burst(bench: Bench) -> None:
    bench.service("fold")
    bench.client(CLIENT, ECHO)
    bench.submit("ada", *(f"f{n}" for n in range(9)), service="fold")
    bench.submit("ada", *(f"e{n}" for n in range(20)))
    for n in range(10):
        assert bench.assigned() == [f"e{n}"]
        bench.finish(f"e{n}")
    bench.client()
    assert bench.play()[:4] == ["f0", "e10", "f1", "e11"]


def test_a_retired_service_finishes_what_it_has_and_takes_no_more(
    bench: Bench,
) -> None:
    bench.submit("ada", "a1", "a2")
    bench.ask(RetireService(service=ECHO, source="api"), OPERATOR)
    with pytest.raises(UnknownServiceError):
        bench.submit("ada", "a3")
    assert bench.play() == ["a1", "a2"]


def test_a_job_of_a_service_that_comes_back_is_taken_again(bench: Bench) -> None:
    bench.ask(RetireService(service=ECHO, source="api"), OPERATOR)
    bench.service()
    bench.submit("ada", "a1")
    assert bench.play() == ["a1"]


def test_users_who_came_once_are_not_remembered_for_ever(bench: Bench) -> None:
    for number in range(2_500):
        bench.submit(f"user-{number}", f"job-{number}")
        bench.submit("ada", f"a{number}")
        bench.play()
    remembered = vars(bench.state.queue.of(ECHO).fair)["_tags"]
    assert len(remembered) < 1_100
