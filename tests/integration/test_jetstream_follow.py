"""Following the JetStream log: through crashes, in batches, never too much."""

from collections.abc import AsyncGenerator

import anyio
import anyio.to_thread
import pytest

from orchestrator.errors import (
    AppendDoubtError,
    FenceError,
    LogLiedError,
    LogUnreachableError,
)
from orchestrator.event_log.jetstream import JetStreamLog, open_jetstream
from orchestrator.event_log.port import Draft, Message
from orchestrator.event_log.stream import wanted
from tests.nats_server import NatsServer

pytestmark = pytest.mark.integration

STREAM = "ORCHESTRATOR"


@pytest.fixture
async def log(nats_server: NatsServer) -> AsyncGenerator[JetStreamLog]:
    async with open_jetstream(nats_server.url, append_seconds=2) as opened:
        yield opened
        await opened.connection.client.jetstream().delete_stream(STREAM)


def numbered(first: int, count: int) -> list[Draft]:
    return [
        Draft("jobs.haddock.1", str(n).encode()) for n in range(first, first + count)
    ]


async def fill(log: JetStreamLog, count: int) -> None:
    for position in range(0, count, 1_000):
        await log.append(numbered(position + 1, 1_000), expected=position)


async def append_through_anything(log: JetStreamLog, last: int) -> None:
    """Append numbers until a position; after a doubt, look how far it went."""
    position = 0
    while position < last:
        try:
            position = await log.append(numbered(position + 1, 7), expected=position)
        except (AppendDoubtError, FenceError):
            position = await end_when_back(log)


async def end_when_back(log: JetStreamLog) -> int:
    while True:
        try:
            return (await log.end()).position
        except LogUnreachableError:
            await anyio.sleep(0.02)


async def test_a_server_killed_again_and_again_costs_and_repeats_no_event(
    own_nats_server: NatsServer,
) -> None:
    last = 7 * 200
    read: list[Message] = []
    quarters = [anyio.Event() for _ in range(4)]

    async def follow(log: JetStreamLog, group: anyio.abc.TaskGroup) -> None:
        async for batch in log.follow(0):
            read.extend(batch)
            for part in range(min(4, 4 * len(read) // last)):
                quarters[part].set()
            if read[-1].position >= last:
                group.cancel_scope.cancel()

    async def kill_midway() -> None:
        for quarter in quarters[:3]:
            await quarter.wait()
            await anyio.to_thread.run_sync(own_nats_server.restart)

    with anyio.fail_after(30):
        async with (
            open_jetstream(own_nats_server.url) as log,
            anyio.create_task_group() as group,
        ):
            group.start_soon(log.connection.watch)
            group.start_soon(follow, log, group)
            group.start_soon(kill_midway)
            group.start_soon(append_through_anything, log, last)
    assert [one.position for one in read] == list(range(1, len(read) + 1))
    assert [int(one.data) for one in read] == list(range(1, len(read) + 1))
    assert len(read) >= last


async def test_twenty_thousand_are_handed_over_in_batches(log: JetStreamLog) -> None:
    await fill(log, 20_000)
    batches = 0
    positions: list[int] = []
    async for batch in log.follow(0):
        batches += 1
        positions += [one.position for one in batch]
        if positions[-1] == 20_000:
            break
    assert positions == list(range(1, 20_001))
    assert batches < 2_000


async def test_a_slow_consumer_is_sent_no_more_than_fits(log: JetStreamLog) -> None:
    await fill(log, 20_000)
    manager = log.connection.client.jetstream()
    followed = aiter(log.follow(0))
    first = await anext(followed)
    await log.connection.client.flush()
    (consumer,) = await manager.consumers_info(STREAM)
    assert consumer.delivered is not None
    assert consumer.delivered.stream_seq <= 8_000

    last = first[-1].position
    while last < 20_000:
        batch = await anext(followed)
        assert batch[0].position == last + 1
        last = batch[-1].position


async def test_a_follower_whose_consumer_vanished_goes_on(log: JetStreamLog) -> None:
    manager = log.connection.client.jetstream()
    await log.append(numbered(1, 2), expected=0)
    followed = aiter(log.follow(0))
    await anext(followed)
    (consumer,) = await manager.consumers_info(STREAM)
    await manager.delete_consumer(STREAM, consumer.name)
    await log.append(numbered(3, 1), expected=2)
    with anyio.fail_after(10):
        (message,) = await anext(followed)
    assert message == Message(3, "jobs.haddock.1", b"3")


async def test_a_follower_of_a_stream_made_anew_is_told(log: JetStreamLog) -> None:
    manager = log.connection.client.jetstream()
    await log.append(numbered(1, 2), expected=0)
    followed = aiter(log.follow(0))
    await anext(followed)
    await manager.delete_stream(STREAM)
    await manager.add_stream(wanted(STREAM, replicas=1, max_bytes=None))
    with anyio.fail_after(10), pytest.raises(LogLiedError):
        await anext(followed)
