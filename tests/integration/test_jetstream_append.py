"""Appending to the JetStream log: what is certain, and what is a doubt."""

from collections.abc import AsyncGenerator

import anyio
import anyio.to_thread
import pytest
from nats.aio.msg import Msg

from orchestrator.errors import (
    AppendDoubtError,
    FenceError,
    LogUnreachableError,
)
from orchestrator.event_log.jetstream import JetStreamLog, open_jetstream
from orchestrator.event_log.port import Draft
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


async def test_only_what_was_stored_is_republished(log: JetStreamLog) -> None:
    seen: list[str] = []

    async def see(message: Msg) -> None:
        seen.append(f"{message.subject} {message.data.decode()}")

    await log.connection.client.subscribe("log.>", cb=see)
    await log.append(numbered(1, 2), expected=0)
    with pytest.raises(FenceError):
        await log.append(numbered(8, 1), expected=0)
    with pytest.raises(FenceError):
        await log.append(numbered(8, 2), expected=0)
    await log.append([Draft("writer", b"3")], expected=2)
    with anyio.fail_after(5):
        while len(seen) < 3:
            await log.connection.client.flush()
    assert seen == ["log.jobs.haddock.1 1", "log.jobs.haddock.1 2", "log.writer 3"]


async def test_a_cancelled_append_is_finished_and_answered(log: JetStreamLog) -> None:
    answers: list[int] = []

    async def append() -> None:
        answers.append(await log.append(numbered(1, 3), expected=0))

    async with anyio.create_task_group() as group:
        group.start_soon(append)
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert answers == [3]
    assert (await log.end()).position == 3


async def test_a_cancelled_append_without_an_answer_is_a_doubt(
    own_nats_server: NatsServer,
) -> None:
    doubts: list[AppendDoubtError] = []

    async def append(log: JetStreamLog) -> None:
        try:
            await log.append(numbered(1, 1), expected=0)
        except AppendDoubtError as doubt:
            doubts.append(doubt)

    async with open_jetstream(own_nats_server.url, append_seconds=0.3) as log:
        own_nats_server.pause()
        async with anyio.create_task_group() as group:
            group.start_soon(append, log)
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        own_nats_server.resume()
    assert [doubt.why for doubt in doubts] == ["no answer within 0.3 s"]


async def test_a_lost_connection_is_a_doubt_at_once(
    own_nats_server: NatsServer,
) -> None:
    async with open_jetstream(own_nats_server.url, append_seconds=60) as log:
        own_nats_server.pause()
        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.to_thread.run_sync, own_nats_server.kill)
                with pytest.raises(AppendDoubtError, match="connection was lost"):
                    await log.append(numbered(1, 2), expected=0)


async def test_an_append_without_a_server_is_a_doubt_and_never_sent_later(
    own_nats_server: NatsServer,
) -> None:
    async with open_jetstream(own_nats_server.url) as log:
        lost = anyio.Event()
        with log.connection.on_disconnect(lost.set):
            own_nats_server.kill()
            await lost.wait()
        with pytest.raises(AppendDoubtError):
            await log.append(numbered(1, 1), expected=0)
        with pytest.raises(LogUnreachableError):
            await log.read(1)
        back = anyio.Event()
        with log.connection.on_reconnect(back.set), anyio.fail_after(10):
            await anyio.to_thread.run_sync(own_nats_server.start)
            await back.wait()
        assert (await log.end()).position == 0


async def test_an_append_to_no_stream_is_a_doubt(log: JetStreamLog) -> None:
    manager = log.connection.client.jetstream()
    await manager.delete_stream(STREAM)
    for count in (1, 2):
        with pytest.raises(AppendDoubtError, match="no responders"):
            await log.append(numbered(1, count), expected=0)
    await manager.add_stream(wanted(STREAM, replicas=1, max_bytes=None))
