"""What every event log promises, tried on each adapter."""

from collections.abc import AsyncGenerator, Sequence

import anyio
import pytest

from orchestrator.errors import (
    EventTooLargeError,
    FenceError,
    LogFullError,
    LogLiedError,
)
from orchestrator.event_log.jetstream import JetStreamLog, open_jetstream
from orchestrator.event_log.memory import MemoryLog
from orchestrator.event_log.port import Draft, EventLog, Message
from tests.nats_cluster import NatsCluster
from tests.nats_server import NatsServer

MAX_EVENT_BYTES = 1 << 20
MAX_BYTES = 8 << 20


async def open_memory(_: pytest.FixtureRequest) -> AsyncGenerator[EventLog]:
    yield MemoryLog(max_event_bytes=MAX_EVENT_BYTES, max_bytes=MAX_BYTES)


async def open_one_node(request: pytest.FixtureRequest) -> AsyncGenerator[EventLog]:
    server: NatsServer = request.getfixturevalue("nats_server")
    async for log in open_nats(server.url, replicas=1):
        yield log


async def open_three_nodes(request: pytest.FixtureRequest) -> AsyncGenerator[EventLog]:
    cluster: NatsCluster = request.getfixturevalue("nats_cluster")
    async for log in open_nats(cluster.url, replicas=3):
        yield log


async def open_nats(url: str, *, replicas: int) -> AsyncGenerator[EventLog]:
    async with open_jetstream(url, replicas=replicas, max_bytes=MAX_BYTES) as log:
        try:
            yield log
        finally:
            await delete_stream(log)


async def delete_stream(log: JetStreamLog) -> None:
    await log.connection.client.jetstream().delete_stream("ORCHESTRATOR")


@pytest.fixture(
    params=[open_memory, open_one_node, open_three_nodes],
    ids=["memory", "one-node", "three-nodes"],
)
async def log(request: pytest.FixtureRequest) -> AsyncGenerator[EventLog]:
    async for opened in request.param(request):
        yield opened


def drafts(*words: str, subject: str = "jobs.haddock.1") -> list[Draft]:
    return [Draft(subject, word.encode()) for word in words]


async def read_until(
    log: EventLog, last: int, *, after: int = 0, subjects: Sequence[str] = (">",)
) -> list[Message]:
    """Return what a follower hands over up to a position."""
    read: list[Message] = []
    with anyio.fail_after(10):
        async for batch in log.follow(after, subjects):
            read += batch
            if read[-1].position >= last:
                return read
    raise AssertionError


async def test_one_appended_message_is_read_back(log: EventLog) -> None:
    assert await log.append(drafts("a"), expected=0) == 1
    assert await log.read(1) == Message(1, "jobs.haddock.1", b"a")


async def test_many_are_appended_in_their_order(log: EventLog) -> None:
    await log.append(drafts("a"), expected=0)
    assert await log.append(drafts("b", "c", "d"), expected=1) == 4
    read = await read_until(log, 4)
    assert [(one.position, one.data) for one in read] == [
        (1, b"a"),
        (2, b"b"),
        (3, b"c"),
        (4, b"d"),
    ]


async def test_a_thousand_are_one_append(log: EventLog) -> None:
    thousand = drafts(*map(str, range(1_000)))
    assert await log.append(thousand, expected=0) == 1_000
    read = await read_until(log, 1_000)
    assert [one.data for one in read] == [one.data for one in thousand]


async def test_each_message_keeps_its_own_subject(log: EventLog) -> None:
    await log.append(
        [Draft("jobs.haddock.1", b"1"), Draft("assignments.c1", b"2")], expected=0
    )
    read = await read_until(log, 2)
    assert [one.subject for one in read] == ["jobs.haddock.1", "assignments.c1"]


@pytest.mark.parametrize("expected", [0, 1, 3])
@pytest.mark.parametrize("count", [1, 2])
async def test_the_fence_refuses_and_nothing_is_stored(
    log: EventLog, expected: int, count: int
) -> None:
    await log.append(drafts("a", "b"), expected=0)
    with pytest.raises(FenceError) as refused:
        await log.append(drafts("x", "y")[:count], expected=expected)
    assert refused.value.expected == expected
    assert (await log.end()).position == 2
    assert await log.read(3) is None


async def test_after_a_refusal_the_right_position_is_accepted(log: EventLog) -> None:
    with pytest.raises(FenceError):
        await log.append(drafts("x", "y"), expected=7)
    assert await log.append(drafts("a", "b"), expected=0) == 2


async def test_of_two_writers_at_one_position_one_is_refused(log: EventLog) -> None:
    outcomes: list[str] = []

    async def write(word: str) -> None:
        try:
            await log.append(drafts(word, word), expected=0)
            outcomes.append("stored")
        except FenceError:
            outcomes.append("refused")

    async with anyio.create_task_group() as writers:
        writers.start_soon(write, "a")
        writers.start_soon(write, "b")
    assert sorted(outcomes) == ["refused", "stored"]
    assert (await log.end()).position == 2


async def test_an_event_too_large_is_refused_with_all_of_its_append(
    log: EventLog,
) -> None:
    huge = Draft("jobs.haddock.1", bytes(9 << 20))
    with pytest.raises(EventTooLargeError):
        await log.append([*drafts("a"), huge], expected=0)
    assert (await log.end()).position == 0


async def test_a_full_log_says_so_and_stores_nothing_more(log: EventLog) -> None:
    large = [Draft("jobs.haddock.1", bytes(900_000)) for _ in range(9)]
    await log.append(large, expected=0)
    with pytest.raises(LogFullError):
        await log.append(large[:1], expected=9)
    with pytest.raises(LogFullError):
        await log.append(large[:2], expected=9)
    assert (await log.end()).position == 9


async def test_a_follower_may_begin_in_the_middle(log: EventLog) -> None:
    await log.append(drafts("a", "b", "c"), expected=0)
    read = await read_until(log, 3, after=1)
    assert [one.position for one in read] == [2, 3]


async def test_a_follower_from_the_end_gets_only_what_comes(log: EventLog) -> None:
    await log.append(drafts("a", "b"), expected=0)
    read: list[Message] = []

    async def follow_from_the_end() -> None:
        read.extend(await read_until(log, 3, after=2))

    async with anyio.create_task_group() as group:
        group.start_soon(follow_from_the_end)
        await anyio.lowlevel.checkpoint()
        await log.append(drafts("c"), expected=2)
    assert [one.data for one in read] == [b"c"]


async def test_a_follower_gets_what_is_appended_while_it_waits(log: EventLog) -> None:
    followed = aiter(log.follow(0))
    with anyio.fail_after(10):
        for position in range(3):
            await log.append(drafts(str(position)), expected=position)
            (message,) = await anext(followed)
            assert message.position == position + 1


async def test_a_follower_of_some_subjects_gets_only_those(log: EventLog) -> None:
    await log.append(
        [
            Draft("jobs.haddock.1", b"1"),
            Draft("jobs.prodigy.2", b"2"),
            Draft("assignments.c1", b"3"),
            Draft("writer", b"4"),
        ],
        expected=0,
    )
    one = await read_until(log, 2, subjects=["jobs.prodigy.>"])
    assert [message.position for message in one] == [2]
    two = await read_until(log, 4, subjects=["assignments.*", "writer"])
    assert [message.position for message in two] == [3, 4]


async def test_two_followers_each_get_everything(log: EventLog) -> None:
    await log.append(drafts("a", "b"), expected=0)
    lengths: list[int] = []

    async def follow() -> None:
        lengths.append(len(await read_until(log, 4)))

    async with anyio.create_task_group() as followers:
        followers.start_soon(follow)
        followers.start_soon(follow)
        await log.append(drafts("c", "d"), expected=2)
    assert lengths == [4, 4]


async def test_an_exception_of_the_consumer_reaches_its_task_group(
    log: EventLog,
) -> None:
    await log.append(drafts("a"), expected=0)

    async def consume() -> None:
        async for batch in log.follow(0):
            raise LookupError(batch[0].position)

    with pytest.raises(ExceptionGroup) as found:
        async with anyio.create_task_group() as group:
            group.start_soon(consume)
    assert found.group_contains(LookupError, match="1")


async def test_a_follower_ahead_of_the_log_is_told_that_the_log_lied(
    log: EventLog,
) -> None:
    await log.append(drafts("a"), expected=0)
    with pytest.raises(LogLiedError) as lied:
        await read_until(log, 3, after=2)
    assert lied.value.position == 2


async def test_an_empty_log_ends_at_zero(log: EventLog) -> None:
    end = await log.end()
    assert (end.position, end.first_position, end.deleted) == (0, 1, 0)
    assert await log.read(0) is None
    assert await log.read(1) is None


async def test_the_end_moves_and_the_time_of_creation_does_not(log: EventLog) -> None:
    before = await log.end()
    await log.append(drafts("a", "b"), expected=0)
    after = await log.end()
    assert (after.position, after.first_position, after.deleted) == (2, 1, 0)
    assert after.created_at == before.created_at
    assert after.created_at.tzinfo is not None


async def test_an_empty_message_is_a_message(log: EventLog) -> None:
    await log.append(drafts(""), expected=0)
    assert await log.read(1) == Message(1, "jobs.haddock.1", b"")
    assert [one.data for one in await read_until(log, 1)] == [b""]
