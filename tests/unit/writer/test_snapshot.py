"""The writer's state on disk and back: nothing is lost, nothing is added."""

import msgspec
import pytest
from msgspec import structs

from orchestrator.domain.commands import CancelJob, ReportStarted
from orchestrator.domain.ids import JobId
from orchestrator.domain.job import Assigned, Ended
from orchestrator.writer import snapshot
from orchestrator.writer.duties import stops
from orchestrator.writer.state import WriterState
from tests.examples import FIRST_LIFE, JOB, SUBMITTED, recorded
from tests.unit.writer.world import Bench


@pytest.fixture
def bench() -> Bench:
    """Return a bench with jobs that wait, are assigned, and run."""
    bench = Bench()
    bench.service(runs_per_user=3)
    bench.client(slots=4)
    bench.submit("bob", "b2", "b1")
    bench.submit("ada", "z", "a", "m", "k")
    bench.assigned()
    return bench


def claim(bench: Bench, *jobs: str) -> None:
    for job in jobs:
        held = bench.state.live[JobId(job)]
        assert isinstance(held, Assigned)
        bench.ask(
            ReportStarted(
                job_id=JobId(job),
                client_id=held.client_id,
                attempt=held.attempt,
                incarnation=FIRST_LIFE,
            )
        )


def again(state: WriterState) -> WriterState:
    restored = snapshot.restore(snapshot.take(state))
    assert restored is not None
    return restored


def test_an_empty_state_comes_back() -> None:
    assert snapshot.take(again(WriterState())) == snapshot.take(WriterState())


def test_the_bytes_do_not_depend_on_what_came_before(bench: Bench) -> None:
    taken = snapshot.take(bench.state)
    assert snapshot.take(again(bench.state)) == taken
    assert snapshot.take(again(again(bench.state))) == taken


def test_a_restored_state_decides_as_the_one_it_was_taken_of(bench: Bench) -> None:
    restored = Bench(again(bench.state))
    restored.now = bench.now
    assert restored.play() == bench.play()
    for other in (restored, bench):
        other.finish("b2", "b1", "z", "a")
    assert restored.play() == bench.play() == ["m", "k"]
    assert restored.log == bench.log[-len(restored.log) :]


def test_stops_are_owed_in_the_same_order_after_a_restart(bench: Bench) -> None:
    claim(bench, "z", "a", "b2")
    for job in ("a", "b2", "z"):
        bench.ask(CancelJob(job_id=JobId(job)))
    owed = stops(bench.state)
    assert {stop.job_id for stop in owed} == {"a", "b2", "z"}
    assert stops(again(bench.state)) == owed


def test_a_stop_that_was_ordered_is_not_owed_after_a_restart(bench: Bench) -> None:
    claim(bench, "z", "a")
    bench.ask(CancelJob(job_id=JobId("z")))
    bench.settle()
    bench.ask(CancelJob(job_id=JobId("a")))
    assert [stop.job_id for stop in stops(again(bench.state))] == ["a"]


def test_what_has_ended_is_left_out(bench: Bench) -> None:
    bench.finish("z")
    assert isinstance(bench.state.job(JobId("z")), Ended)
    assert JobId("z") not in again(bench.state).ended
    bench.state.forget_ended(bench.state.position)
    assert snapshot.take(again(bench.state)) == snapshot.take(bench.state)


def test_a_snapshot_of_another_format_is_not_read() -> None:
    taken: dict[str, object] = msgspec.json.decode(snapshot.take(WriterState()))
    taken["format"] = snapshot.FORMAT + 1
    assert snapshot.restore(msgspec.json.encode(taken)) is None
    assert snapshot.restore(b"{}") is None
    assert snapshot.restore(b"") is None


def test_commands_that_were_carried_out_are_remembered_over_a_restart() -> None:
    state = WriterState()
    done = structs.replace(recorded(SUBMITTED), command_id="done")
    state.fold(1, done)
    assert again(state).commands.position_of(done.command_id) == 1
    assert again(state).job(JOB) == state.job(JOB)
