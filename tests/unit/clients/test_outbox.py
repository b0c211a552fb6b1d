from clients.inputs import Reconnected, Rejoin, Replied, Settled, Tick, Written
from clients.outbox import Outbox
from clients.outputs import Entry, Erase, Send, Write
from orchestrator.domain.ids import ClientId
from orchestrator.wire import Accepted, Lost, Refused, Unavailable
from tests.fakes.hub_rules import STALE, key

ACCEPTED = Accepted(position=9)
UNKNOWN = Refused(code="unknown_client", message="join first")


def lost(job_id: str = "job-1") -> Lost:
    job, attempt = key(job_id)
    return Lost(client_id=ClientId("a"), job_id=job, attempt=attempt)


def entry(number: int, job_id: str = "job-1") -> Entry:
    return Entry(number=number, report=lost(job_id))


def test_a_report_is_sent_only_once_it_is_on_disk() -> None:
    outbox = Outbox()
    assert outbox.keep(lost()) == [Write(entry=entry(1))]
    assert outbox.step(Tick(), 0.0) == []
    assert outbox.step(Written(number=1, ok=True), 0.0) == [Send(entry=entry(1))]
    assert not outbox.is_empty


def test_an_answered_report_is_erased_and_settled() -> None:
    for answer in (ACCEPTED, STALE):
        outbox = Outbox([entry(1)])
        outbox.step(Tick(), 0.0)
        assert outbox.step(Replied(number=1, answer=answer), 0.0) == [
            Erase(number=1),
            Settled(key=key()),
        ]
        assert outbox.is_empty


def test_a_report_without_an_answer_is_sent_again_after_a_pause() -> None:
    for answer in (None, Unavailable(message="no leader")):
        outbox = Outbox([entry(1)])
        outbox.step(Tick(), 0.0)
        assert outbox.step(Replied(number=1, answer=answer), 0.0) == []
        assert outbox.step(Tick(), 0.05) == []
        assert outbox.step(Tick(), 0.1) == [Send(entry=entry(1))]


def test_a_hub_that_is_back_ends_the_pause() -> None:
    outbox = Outbox([entry(1)])
    outbox.step(Tick(), 0.0)
    outbox.step(Replied(number=1, answer=None), 0.0)
    assert outbox.step(Reconnected(), 0.01) == [Send(entry=entry(1))]


def test_a_hub_that_does_not_know_us_keeps_the_report_and_is_joined_again() -> None:
    outbox = Outbox([entry(1)])
    outbox.step(Tick(), 0.0)
    assert outbox.step(Replied(number=1, answer=UNKNOWN), 0.0) == [Rejoin()]
    assert not outbox.is_empty


def test_a_full_disk_is_tried_again() -> None:
    outbox = Outbox()
    outbox.keep(lost())
    assert outbox.step(Written(number=1, ok=False), 0.0) == []
    assert outbox.due == 0.1
    assert outbox.step(Tick(), 0.1) == [Write(entry=entry(1))]
    assert outbox.step(Written(number=1, ok=True), 0.2) == [Send(entry=entry(1))]


def test_reports_of_one_attempt_are_sent_in_order_and_others_do_not_wait() -> None:
    outbox = Outbox([entry(1), entry(2), entry(3, "job-2")])
    assert outbox.step(Tick(), 0.0) == [
        Send(entry=entry(1)),
        Send(entry=entry(3, "job-2")),
    ]
    outbox.step(Replied(number=1, answer=None), 0.0)
    assert outbox.step(Replied(number=3, answer=ACCEPTED), 0.0) == [
        Erase(number=3),
        Settled(key=key("job-2")),
    ]
    assert outbox.step(Tick(), 1.0) == [Send(entry=entry(1))]
    assert Send(entry=entry(2)) in outbox.step(Replied(number=1, answer=STALE), 1.0)


def test_what_an_earlier_run_left_comes_first_and_numbers_go_on() -> None:
    outbox = Outbox([entry(7, "job-b"), entry(5, "job-a")])
    assert outbox.keys == [key("job-a"), key("job-b")]
    assert outbox.keep(lost()) == [Write(entry=entry(8))]


def test_only_so_many_reports_are_under_way_at_once() -> None:
    outbox = Outbox([entry(number, f"job-{number}") for number in range(1, 101)])
    assert len(outbox.step(Tick(), 0.0)) == 32
    outputs = outbox.step(Replied(number=1, answer=ACCEPTED), 0.0)
    assert [o.entry.number for o in outputs if isinstance(o, Send)] == [33]


def test_an_answer_that_comes_twice_does_nothing() -> None:
    outbox = Outbox([entry(1)])
    outbox.step(Tick(), 0.0)
    outbox.step(Replied(number=1, answer=ACCEPTED), 0.0)
    assert outbox.step(Replied(number=1, answer=ACCEPTED), 0.0) == []
    assert outbox.step(Written(number=1, ok=True), 0.0) == []
