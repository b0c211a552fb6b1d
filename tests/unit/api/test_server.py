"""Listening, and serving within bounds."""

import socket

import anyio
import pytest
from litestar import Litestar, get

from orchestrator.api.server import bind, serve
from orchestrator.errors import (
    AddressUnusableError,
    PortTakenError,
    RemoteRefusedError,
)
from tests.raw_http import RawConnection


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    with (
        bind("127.0.0.1", 0) as first,
        pytest.raises(PortTakenError, match=f"port {port_of(first)} .* server.port"),
    ):
        bind("127.0.0.1", port_of(first))


def test_a_port_is_free_again_at_once() -> None:
    with bind("127.0.0.1", 0) as first:
        port = port_of(first)
    with bind("127.0.0.1", port) as second:
        assert port_of(second) == port


def test_answers_are_not_held_back_by_nagles_delay() -> None:
    # What asyncio looks at before it switches the delay off.
    with bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "198.18.0.1"])  # noqa: S104 - refused
def test_other_machines_are_let_in_only_when_told_so(host: str) -> None:
    with pytest.raises(RemoteRefusedError, match=r"server\.allow_remote"):
        bind(host, 0)


def test_other_machines_are_let_in_when_told_so() -> None:
    with bind("0.0.0.0", 0, allow_remote=True) as listener:  # noqa: S104 - as told
        assert port_of(listener) > 0


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(AddressUnusableError, match=r"198\.18\.0\.1"):
        bind("198.18.0.1", 0, allow_remote=True)
    with pytest.raises(AddressUnusableError, match=r"no\.such\.host"):
        bind("no.such.host.invalid", 0)


@get("/", sync_to_thread=False)
def hello() -> str:
    return "hello"


@get("/stuck")
async def stuck() -> str:
    await anyio.sleep_forever()
    return "never"


async def _serve(listener: socket.socket, stop: anyio.Event) -> None:
    app = Litestar([hello, stuck], openapi_config=None, logging_config=None)
    await serve(app, listener, stop=stop, header_seconds=0.2)


async def test_a_caller_who_never_ends_a_header_is_hung_up_on() -> None:
    listener, stop = bind("127.0.0.1", 0), anyio.Event()
    url = f"http://127.0.0.1:{port_of(listener)}"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_serve, listener, stop)
        async with RawConnection(url) as silent, RawConnection(url) as slow:
            await slow.stream.send(b"GET / HTTP/1.1\r\nHos")
            assert await slow.until_closed() == b""
            assert await silent.until_closed() == b""
        async with RawConnection(url) as second_request:
            await second_request.send("GET / HTTP/1.1\nHost: x")
            await second_request.until(b"hello")
            await second_request.stream.send(b"GET / HTTP/1.1\r\nHos")
            assert (await second_request.until_closed()).count(b"hello") == 1
        stop.set()


async def test_a_stop_waits_for_a_stuck_answer_only_so_long() -> None:
    listener, stop = bind("127.0.0.1", 0), anyio.Event()
    url = f"http://127.0.0.1:{port_of(listener)}"
    with anyio.fail_after(6):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_serve, listener, stop)
            async with RawConnection(url) as raw:
                await raw.send("GET /stuck HTTP/1.1\nHost: x")
                async with RawConnection(url) as other:
                    await other.send("GET / HTTP/1.1\nHost: x")
                    await other.until(b"hello")
                stop.set()
                await raw.until_closed()


async def test_head_is_answered_as_get_without_a_body() -> None:
    listener, stop = bind("127.0.0.1", 0), anyio.Event()
    received = b""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_serve, listener, stop)
        async with RawConnection(f"http://127.0.0.1:{port_of(listener)}") as raw:
            await raw.send("HEAD / HTTP/1.1\nHost: x")
            await raw.send("GET / HTTP/1.1\nHost: x\nConnection: close")
            received = await raw.until_closed()
        stop.set()
    head, _, rest = received.partition(b"\r\n\r\n")
    assert b"content-length: 5" in head
    assert rest.startswith(b"HTTP/1.1 200 OK")
    assert received.count(b"hello") == 1
