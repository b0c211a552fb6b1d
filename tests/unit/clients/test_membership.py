from clients.inputs import (
    Assigned,
    Beaten,
    Begin,
    Delivered,
    JoinAnswered,
    Level,
    Reconnected,
    Recovered,
    Rejoin,
    StopAsked,
    Tick,
)
from clients.membership import Membership, MembershipOutput
from clients.outputs import AskToJoin, GiveUp, Ready, Wait
from orchestrator.wire import (
    Answer,
    HeartbeatAnswer,
    Join,
    Refused,
    Sync,
    Synced,
    Unavailable,
)
from tests.fakes.hub_rules import join, key

JOIN = join()
SYNC = Sync(client_id=JOIN.client_id, incarnation=JOIN.incarnation)
UNKNOWN = Refused(code="unknown_client", message="join first")


def synced(position: int) -> Synced:
    return Synced(position=position, attempts=())


def answered(report: Join | Sync, answer: Answer | None) -> JoinAnswered:
    return JoinAnswered(report=report, answer=answer)


def delivered(position: int, previous: int) -> Delivered:
    work = Assigned(key=key(f"job-{position}"), position=position)
    return Delivered(position=position, previous=previous, work=work)


def beaten(position: int, *, known: bool = True) -> Beaten:
    return Beaten(answer=HeartbeatAnswer(assignment_position=position, known=known))


def asks(outputs: list[MembershipOutput]) -> list[Join | Sync]:
    return [output.report for output in outputs if isinstance(output, AskToJoin)]


def joined(*, position: int = 10) -> Membership:
    membership = Membership(JOIN)
    membership.step(Begin(), 0.0)
    membership.step(answered(JOIN, synced(position)), 0.0)
    return membership


def test_a_client_joins_and_takes_the_level_it_is_given() -> None:
    membership = Membership(JOIN)
    assert membership.step(Begin(), 0.0) == [AskToJoin(report=JOIN)]
    assert not membership.is_joined
    assert membership.step(answered(JOIN, synced(10)), 0.0) == [
        Ready(client_id=JOIN.client_id),
        Level(position=10, attempts=()),
    ]
    assert membership.is_joined
    assert membership.last_position == 10


def test_a_join_that_nobody_answers_is_asked_again_and_said_once() -> None:
    membership = Membership(JOIN)
    membership.step(Begin(), 0.0)
    unavailable = answered(JOIN, Unavailable(message="no leader"))
    assert membership.step(unavailable, 0.0) == [Wait(why="no leader")]
    assert membership.due == 0.1
    assert membership.step(Tick(), 0.05) == []
    assert membership.step(Tick(), 0.1) == [AskToJoin(report=JOIN)]
    assert membership.step(answered(JOIN, None), 0.1) == []
    assert membership.due == 0.1 + 0.2


def test_a_client_that_is_refused_gives_up_with_the_hubs_words() -> None:
    membership = Membership(JOIN)
    membership.step(Begin(), 0.0)
    refused = Refused(code="version_refused", message="0.1.0 against 9.0.0")
    assert membership.step(answered(JOIN, refused), 0.0) == [
        GiveUp(code="version_refused", message="0.1.0 against 9.0.0")
    ]


def test_messages_in_order_need_no_sync() -> None:
    membership = joined(position=10)
    assert asks(membership.step(delivered(12, previous=7), 0.0)) == []
    assert asks(membership.step(delivered(15, previous=12), 0.0)) == []
    assert membership.last_position == 15


def test_a_message_taken_twice_is_handed_on_once() -> None:
    membership = joined(position=10)
    assert membership.step(delivered(12, previous=7), 0.0) != []
    assert membership.step(delivered(12, previous=7), 0.0) == []
    assert membership.step(delivered(9, previous=7), 0.0) == []


def test_a_gap_asks_for_the_level_and_claims_nothing_beyond_it_meanwhile() -> None:
    membership = joined(position=10)
    outputs = membership.step(delivered(15, previous=12), 0.0)
    assert asks(outputs) == [SYNC]
    assert membership.last_position == 10
    membership.step(answered(SYNC, synced(14)), 0.0)
    assert membership.last_position == 15


def test_a_gap_that_the_level_closes_needs_no_second_sync() -> None:
    membership = joined(position=10)
    membership.step(delivered(15, previous=12), 0.0)
    membership.step(delivered(17, previous=15), 0.0)
    assert asks(membership.step(answered(SYNC, synced(12)), 0.0)) == []
    assert membership.last_position == 17


def test_a_gap_beyond_the_level_is_asked_about_again() -> None:
    membership = joined(position=10)
    membership.step(delivered(15, previous=12), 0.0)
    membership.step(delivered(30, previous=25), 0.0)
    assert asks(membership.step(answered(SYNC, synced(12)), 0.0)) == [SYNC]
    assert membership.last_position == 15


def test_a_sync_that_nobody_answers_is_asked_again() -> None:
    membership = joined(position=10)
    membership.step(Reconnected(), 0.0)
    assert membership.step(answered(SYNC, None), 0.0) == []
    assert asks(membership.step(Tick(), 1.0)) == [SYNC]
    recovered = membership.step(answered(SYNC, synced(11)), 1.0)
    assert recovered == [Level(position=11, attempts=()), Recovered()]


def test_a_client_that_comes_back_to_its_hub_syncs() -> None:
    assert asks(joined().step(Reconnected(), 0.0)) == [SYNC]


def test_one_beat_behind_is_nothing_and_two_are_a_sync() -> None:
    membership = joined(position=10)
    assert membership.step(beaten(12), 0.0) == []
    assert membership.step(beaten(12), 2.0) == [AskToJoin(report=SYNC)]


def test_beats_behind_are_counted_only_in_a_row() -> None:
    membership = joined(position=10)
    membership.step(beaten(12), 0.0)
    membership.step(beaten(10), 2.0)
    assert membership.step(beaten(12), 4.0) == []


def test_a_client_that_the_hub_has_forgotten_joins_again() -> None:
    assert asks(joined().step(beaten(0, known=False), 0.0)) == [JOIN]
    assert asks(joined().step(Rejoin(), 0.0)) == [JOIN]
    membership = joined()
    membership.step(Reconnected(), 0.0)
    assert asks(membership.step(answered(SYNC, UNKNOWN), 0.0)) == [JOIN]


def test_many_that_want_a_join_at_once_make_one() -> None:
    membership = joined()
    assert asks(membership.step(Rejoin(), 0.0)) == [JOIN]
    assert membership.step(beaten(0, known=False), 0.0) == []
    assert membership.step(Reconnected(), 0.0) == []


def test_a_heartbeat_answered_after_silence_says_that_the_hub_is_back() -> None:
    membership = joined(position=10)
    assert membership.step(Beaten(answer=None), 0.0) == []
    assert membership.step(beaten(10), 2.0) == [Recovered()]
    assert membership.step(beaten(10), 4.0) == []


def test_a_wish_to_stop_is_handed_on() -> None:
    stop = StopAsked(key=key())
    message = Delivered(position=12, previous=3, work=stop)
    assert joined(position=10).step(message, 0.0) == [stop]
