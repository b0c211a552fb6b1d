"""The NATS connection: whose errors end a task group, and whose do not."""

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from nats.aio.msg import Msg

from orchestrator.errors import LogUnreachableError
from orchestrator.nats_connection import connect
from tests.nats_server import NatsServer

pytestmark = pytest.mark.integration


async def test_an_exception_of_a_callback_reaches_who_watches(
    nats_server: NatsServer,
) -> None:
    async def fail(message: Msg) -> None:
        raise LookupError(message.data.decode())

    async with connect(nats_server.url, name="test") as connection:
        await connection.client.subscribe("hello", cb=fail)
        await connection.client.publish("hello", b"boom")
        with anyio.fail_after(5), pytest.raises(LookupError, match="boom"):
            await connection.watch()


async def test_a_server_that_comes_back_is_reported_and_ends_nothing(
    own_nats_server: NatsServer,
) -> None:
    lost, back = anyio.Event(), anyio.Event()
    async with connect(own_nats_server.url, name="test") as connection:
        with (
            connection.on_disconnect(lost.set),
            connection.on_reconnect(back.set),
            anyio.fail_after(10),
        ):
            async with anyio.create_task_group() as group:
                group.start_soon(connection.watch)
                own_nats_server.kill()
                await lost.wait()
                assert not connection.is_connected
                await anyio.to_thread.run_sync(own_nats_server.start)
                await back.wait()
                assert connection.is_connected
                group.cancel_scope.cancel()
        assert (await connection.client.rtt()) > 0


async def test_a_connection_that_the_server_closes_for_good_is_an_error(
    own_nats_server: NatsServer,
) -> None:
    async with connect(own_nats_server.url, name="test") as connection:
        # Longer than the server takes: it says so and closes.
        await connection.client.publish("a" * 5_000, b"")
        closed = pytest.raises(LogUnreachableError, match="closed the connection")
        with anyio.fail_after(5), closed:
            await connection.watch()


async def test_leaving_while_the_server_is_down_is_quiet(
    own_nats_server: NatsServer,
) -> None:
    lost = anyio.Event()
    with anyio.fail_after(5):
        async with connect(own_nats_server.url, name="test") as connection:
            with connection.on_disconnect(lost.set):
                own_nats_server.kill()
                await lost.wait()
    assert connection.client.is_closed


@pytest.mark.parametrize("moments", range(4))
async def test_leaving_while_the_loss_is_being_noticed_is_quiet_too(
    own_nats_server: NatsServer, moments: int
) -> None:
    with anyio.fail_after(5):
        async with connect(own_nats_server.url, name="test") as connection:
            own_nats_server.kill()
            while not connection.client.is_reconnecting:
                await anyio.lowlevel.checkpoint()
            for _ in range(moments):
                await anyio.lowlevel.checkpoint()
    assert connection.client.is_closed


async def test_what_was_published_before_leaving_has_arrived(
    nats_server: NatsServer,
) -> None:
    seen: list[bytes] = []

    async def see(message: Msg) -> None:
        seen.append(message.data)

    async with connect(nats_server.url, name="watcher") as watcher:
        await watcher.client.subscribe("bye", cb=see)
        await watcher.client.flush()
        async with connect(nats_server.url, name="leaver") as leaver:
            await leaver.client.publish("bye", b"the last word")
        with anyio.fail_after(5):
            while not seen:
                await watcher.client.flush()
    assert seen == [b"the last word"]
