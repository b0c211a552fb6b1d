"""Opening the JetStream log: its stream, its server, its doors."""

from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import anyio
import nats
import pytest
from anyio.abc import SocketAttribute, SocketStream
from nats.js.api import DiscardPolicy, StorageType, StreamConfig

from orchestrator.errors import (
    LogAccessError,
    LogMismatchError,
    LogTooOldError,
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


async def test_a_log_opened_again_is_the_same_log(
    log: JetStreamLog, nats_server: NatsServer
) -> None:
    await log.append([Draft("writer", b"1")], expected=0)
    async with open_jetstream(nats_server.url) as again:
        assert await again.end() == await log.end()


@pytest.mark.parametrize(
    ("setting", "found", "needed", "other"),
    [
        (
            "subjects",
            '["jobs.>"]',
            '["assignments.>"',
            StreamConfig(subjects=["jobs.>"]),
        ),
        ("storage", '"memory"', '"file"', StreamConfig(storage=StorageType.MEMORY)),
        ("discard", '"old"', '"new"', StreamConfig(discard=DiscardPolicy.OLD)),
        ("max_age", "60.0", "0", StreamConfig(max_age=60.0)),
        ("deny_delete", "false", "true", StreamConfig(deny_delete=False)),
        ("allow_atomic", "false", "true", StreamConfig(allow_atomic=False)),
    ],
)
async def test_a_stream_with_another_setting_is_named_and_left_alone(
    nats_server: NatsServer, setting: str, found: str, needed: str, other: StreamConfig
) -> None:
    client = await nats.connect(nats_server.url)
    manager = client.jetstream()
    ours = wanted(STREAM, replicas=1, max_bytes=None)
    theirs = ours.evolve(**{setting: getattr(other, setting)})
    made = await manager.add_stream(theirs)
    try:
        with pytest.raises(LogMismatchError) as mismatch:
            async with open_jetstream(nats_server.url):
                pass
        assert f"{STREAM} has {setting} = {found} but {needed}" in str(mismatch.value)
        assert (await manager.stream_info(STREAM)).config == made.config
    finally:
        await manager.delete_stream(STREAM)
        await client.close()


async def test_subjects_that_another_stream_holds_are_a_mismatch(
    nats_server: NatsServer,
) -> None:
    client = await nats.connect(nats_server.url)
    manager = client.jetstream()
    await manager.add_stream(name="OTHER", subjects=["jobs.>"])
    try:
        with pytest.raises(LogMismatchError, match="another stream"):
            async with open_jetstream(nats_server.url):
                pass
    finally:
        await manager.delete_stream("OTHER")
        await client.close()


async def test_a_server_too_old_is_refused_before_anything_is_created() -> None:
    received = b""

    async def serve(stream: SocketStream) -> None:
        nonlocal received
        async with stream:
            await stream.send(b'INFO {"version":"2.11.9","max_payload":1048576}\r\n')
            async for chunk in stream:
                received += chunk
                if b"PING\r\n" in chunk:
                    await stream.send(b"PONG\r\n")

    listeners = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    host, port = listeners.extra_attributes[SocketAttribute.local_address]()
    async with listeners, anyio.create_task_group() as group:
        group.start_soon(listeners.serve, serve)
        with pytest.raises(LogTooOldError, match=r"2\.11\.9.*2\.12\.0"):
            async with open_jetstream(f"nats://{host}:{port}"):
                pass
        group.cancel_scope.cancel()
    assert b"CONNECT" in received
    assert b"PUB" not in received


async def test_without_a_server_the_address_is_named_and_the_password_is_not() -> None:
    open_nowhere = partial(
        open_jetstream, "nats://me:secret@127.0.0.1:1", connect_seconds=0.3
    )
    with pytest.raises(LogUnreachableError) as unreachable:
        async with open_nowhere():
            pass
    assert "nats://127.0.0.1:1 " in str(unreachable.value)
    assert "secret" not in str(unreachable.value)


async def test_a_wrong_password_is_refused_at_once(tmp_path: Path) -> None:
    right, wrong = "right", "wrong"
    server = NatsServer(tmp_path, extra=f"authorization {{user: a, password: {right}}}")
    server.start()
    try:
        with anyio.fail_after(2), pytest.raises(LogAccessError) as refused:
            async with open_jetstream(server.url, user="a", password=wrong):
                pass
    finally:
        server.stop()
    assert wrong not in str(refused.value)
