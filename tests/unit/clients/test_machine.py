from hypothesis import given, settings, strategies as st

from clients.inputs import Beaten, Reconnected, Tick
from orchestrator.wire import Ended, HeartbeatAnswer, Lost
from tests.fakes.client_world import ClientWorld, Fate
from tests.fakes.hub_rules import key

FATES: st.SearchStrategy[Fate] = st.sampled_from(("done", "fails", "unanswered"))
DEEDS = st.sampled_from(
    ("perform",) * 12
    + (
        "assign",
        "assign",
        "stop",
        "deliver",
        "deliver",
        "drop",
        "tick",
        "reconnect",
        "beat",
        "lose",
        "restart",
    )
)


def act(world: ClientWorld, deed: str, data: st.DataObject) -> None:
    match deed:
        case "perform" if world.wanted:
            index = data.draw(st.integers(0, len(world.wanted) - 1))
            world.perform(index, data.draw(FATES))
        case "assign" if world.hub.known and len(world.hub.attempts) < 6:
            world.assign(key(f"job-{len(world.hub.attempts)}"))
        case "stop" if world.hub.attempts:
            world.request_stop(data.draw(st.sampled_from(list(world.hub.attempts))))
        case "deliver" if world.deliveries:
            world.tell(world.deliveries.pop(0))
        case "drop" if world.deliveries:
            world.deliveries.pop(0)
        case "tick":
            world.now += 1.0
            world.tell(Tick())
        case "reconnect":
            world.tell(Reconnected())
        case "beat" if world.machine.is_joined:
            position = max((g.position for g in world.hub.attempts.values()), default=0)
            answer = HeartbeatAnswer(
                assignment_position=position, known=world.hub.known
            )
            world.tell(Beaten(answer=data.draw(st.sampled_from((answer, None)))))
        case "lose":
            world.hub.lose()
        case "restart":
            world.restart()
        case _:
            pass


@settings(max_examples=300, deadline=None)
@given(st.data(), st.integers(1, 3))
def test_whatever_happens_each_attempt_starts_once_claimed_and_nothing_is_left(
    data: st.DataObject, slots: int
) -> None:
    world = ClientWorld(slots=slots)
    for deed in data.draw(st.lists(DEEDS, max_size=120)):
        act(world, deed, data)
        for started, incarnation in world.starts:
            assert world.hub.attempts[started].incarnation == incarnation
        assert len({started for started, _ in world.starts}) == len(world.starts)
    world.drain()
    states = {attempt.state for attempt in world.hub.attempts.values()}
    assert states <= {"ended", "lost"}
    assert world.machine.held == ()
    assert (world.disk, world.running, world.workspaces) == ({}, {}, set())
    assert world.machine.heartbeat(0.0).free_slots == slots


def test_a_job_goes_from_its_assignment_to_its_accepted_end() -> None:
    world = ClientWorld(slots=1)
    world.assign(key())
    world.drain()
    report = world.hub.attempts[key()].report
    assert isinstance(report, Ended)
    assert report.exit_code == 0
    assert report.results is not None


def test_an_attempt_that_an_earlier_run_started_and_nobody_holds_is_reported_lost() -> (
    None
):
    world = ClientWorld(slots=1)
    world.assign(key())
    world.drain_until_started(key())
    world.running.clear()  # the machine lost power
    world.restart()
    world.drain()
    assert isinstance(world.hub.attempts[key()].report, Lost)


def test_a_job_that_outlived_its_agent_is_adopted_and_not_started_again() -> None:
    world = ClientWorld(slots=1)
    world.assign(key())
    world.drain_until_started(key())
    world.restart()
    world.drain()
    assert isinstance(world.hub.attempts[key()].report, Ended)
    assert len(world.starts) == 1


def test_a_job_that_was_stopped_with_its_agent_is_lost_and_not_failed() -> None:
    world = ClientWorld(slots=1)
    world.assign(key())
    world.drain_until_started(key())
    world.running[key()] = True
    world.restart()
    world.drain()
    assert isinstance(world.hub.attempts[key()].report, Lost)


def test_a_stopped_job_keeps_its_results_also_when_its_agent_died_meanwhile() -> None:
    world = ClientWorld(slots=1)
    world.assign(key())
    world.drain_until_started(key())
    world.request_stop(key())
    world.running[key()] = True
    world.restart()
    world.drain()
    report = world.hub.attempts[key()].report
    assert isinstance(report, Ended)
    assert report.signal == 15
    assert report.results is not None
