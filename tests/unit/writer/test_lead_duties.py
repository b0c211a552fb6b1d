"""What the leader does without being asked: leases and stops."""

from msgspec import structs

from orchestrator.domain.events import (
    AttemptLost,
    ClientLost,
    Event,
)
from orchestrator.writer.duties import Leases
from orchestrator.writer.lead_signals import Ticked
from tests.examples import (
    ASSIGNED,
    CANCEL,
    CANCEL_REQUESTED,
    CANCELLED,
    CLIENT,
    CONFIGURED,
    ELECTED,
    FIRST_LIFE,
    JOINED,
    OTHER_CLIENT,
    SECOND_LIFE,
    STARTED,
    STOP_REQUESTED,
    SUBMITTED,
    ended,
    join,
)
from tests.unit.writer.desk import Desk

LEASES = Leases(lease_us=2_000_000, grace_us=1_000_000)
RUNNING: tuple[Event, ...] = (CONFIGURED, JOINED, SUBMITTED, ASSIGNED, STARTED, ELECTED)


def there(desk: Desk) -> set[str]:
    return set(desk.lead.state.clients.joined)


# -- leases ----------------------------------------------------------------------------


def test_a_silent_client_is_lost_after_lease_and_grace_with_what_it_held() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    desk.tick(3.0)
    assert there(desk) == {CLIENT}
    desk.give(Ticked(), 0.25)
    lost, attempt = desk.written()
    assert isinstance(lost, ClientLost)
    assert (lost.incarnation, lost.silent_ms) == (FIRST_LIFE, 3_250)
    assert isinstance(attempt, AttemptLost)
    assert attempt.reason == "client_lost"


def test_a_client_that_gives_signs_of_life_is_kept() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    for _ in range(10):
        desk.tick(2.75)
        desk.beat(CLIENT, 0.1)
    assert there(desk) == {CLIENT}


def test_one_clients_signs_of_life_are_not_anothers() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    desk.ask(join(OTHER_CLIENT))
    for _ in range(4):
        desk.beat(OTHER_CLIENT)
        desk.tick(1.0)
    assert there(desk) == {OTHER_CLIENT}


def test_a_client_that_joins_late_has_its_whole_lease() -> None:
    desk = Desk(leases=LEASES)
    desk.tick(60.0)
    desk.ask(join())
    desk.tick(3.0)
    assert there(desk) == {CLIENT}
    desk.tick(0.25)
    assert there(desk) == set()


def test_a_client_that_was_lost_and_joins_again_has_its_whole_lease() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    desk.tick(10.0)
    assert there(desk) == set()
    desk.ask(join(incarnation=SECOND_LIFE))
    desk.tick(2.75)
    assert there(desk) == {CLIENT}


def test_a_new_leader_gives_every_client_a_whole_lease() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    desk.tick(2.75)
    assert there(desk) == {CLIENT}


def test_after_a_pause_of_its_own_it_blames_nobody() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    desk.beat(CLIENT)
    desk.give(Ticked(), 600.0)
    assert there(desk) == {CLIENT}
    desk.tick(2.75)
    assert there(desk) == {CLIENT}
    desk.tick(0.5)
    assert there(desk) == set()


def test_many_short_pauses_keep_a_silent_client_but_not_for_ever() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    for _ in range(5):
        desk.tick(2.0)
        desk.give(Ticked(), 1.5)
    assert there(desk) == {CLIENT}
    desk.tick(3.5)
    assert there(desk) == set()


def test_a_wall_clock_that_jumps_loses_nobody() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    for ahead in (3_600.0, -3_600.0, 0.0):
        desk.wall_ahead = ahead
        desk.tick(2.5)
        desk.beat(CLIENT)
    assert there(desk) == {CLIENT}


def test_what_a_lost_client_held_goes_to_another_at_once() -> None:
    desk = Desk(*RUNNING, leases=LEASES)
    desk.ask(join(OTHER_CLIENT))
    desk.store_all()
    for _ in range(4):
        desk.beat(OTHER_CLIENT)
        desk.tick(1.0)
    job = desk.lead.state.live[SUBMITTED.job_id]
    assert job.attempt == 2
    assert desk.lead.state.clients.held_by(OTHER_CLIENT) == {SUBMITTED.job_id: 2}


def test_a_stranger_that_beats_is_nobody() -> None:
    desk = Desk(leases=LEASES)
    desk.beat(CLIENT)
    desk.tick(10.0)
    assert desk.in_flight is None
    assert there(desk) == set()


# -- stops -----------------------------------------------------------------------------


def test_a_cancelled_running_job_is_stopped_once() -> None:
    desk = Desk(*RUNNING)
    desk.ask(CANCEL)
    assert desk.store_all() == [CANCEL_REQUESTED, STOP_REQUESTED]
    desk.tick(5.0)
    assert desk.in_flight is None


def test_a_stop_that_was_not_stored_is_owed_by_the_next_leader() -> None:
    desk = Desk(*RUNNING, CANCEL_REQUESTED, ELECTED)
    desk.give(Ticked())
    assert desk.store_all() == [STOP_REQUESTED]


def test_a_stop_that_was_stored_is_not_owed_by_the_next_leader() -> None:
    desk = Desk(*RUNNING, CANCEL_REQUESTED, STOP_REQUESTED, ELECTED)
    desk.tick(1.0)
    assert desk.in_flight is None


def test_nobody_is_stopped_who_has_ended() -> None:
    desk = Desk(*RUNNING, CANCEL_REQUESTED, CANCELLED, ELECTED)
    desk.tick(1.0)
    assert desk.in_flight is None


def test_a_job_that_ends_as_it_is_cancelled_is_cancelled_with_its_results() -> None:
    desk = Desk(*RUNNING)
    desk.ask(CANCEL)
    desk.store()
    desk.ask(ended())
    events = desk.store_all()
    assert events[0] == STOP_REQUESTED
    assert events[1] == structs.replace(CANCELLED, exit_code=0, signal=None)
