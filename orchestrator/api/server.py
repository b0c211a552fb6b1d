"""Run the API over HTTP inside a task group: no signal handlers, a bounded stop."""

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Callable, Generator
from typing import Any, override

import anyio
import uvicorn
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from orchestrator.errors import (
    AddressUnusableError,
    PortTakenError,
    RemoteRefusedError,
)

_HEADER_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 30
_GRACE_SECONDS = 3
_BACKLOG = 2048


def bind(host: str, port: int, *, allow_remote: bool = False) -> socket.socket:
    """Return a listening socket; port 0 chooses a free one.

    Raises:
        RemoteRefusedError: not a loopback address, and nobody allowed that.
        PortTakenError, AddressUnusableError: with the setting to correct.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        why = error.strerror or str(error)
        raise AddressUnusableError(host=host, port=port, why=why) from error
    family, _, _, _, address = found[0]
    if not allow_remote and not ipaddress.ip_address(address[0]).is_loopback:
        raise RemoteRefusedError(host=host)
    # Named as TCP, or asyncio leaves Nagle's delay on: 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(host=host, port=port) from error
        why = error.strerror or str(error)
        raise AddressUnusableError(host=host, port=port, why=why) from error
    listener.settimeout(0)
    return listener


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    stop: anyio.Event,
    on_started: Callable[[], None] = lambda: None,
    header_seconds: float = _HEADER_SECONDS,
) -> None:
    """Serve until `stop` is set; return a few seconds later at the most.

    Give the same event to the app, so that open event streams end with it.
    """
    config = uvicorn.Config(
        HeadAsGet(app),
        http=_protocol(header_seconds),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, on_started)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.stop_with, stop)
            await server.serve([listener])
            tasks.cancel_scope.cancel()
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to whoever runs the process."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def stop_with(self, stop: anyio.Event) -> None:
        await stop.wait()
        self.should_exit = True

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _protocol(header_seconds: float) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with the limit it lacks: time for the header."""

    class Protocol(HttpToolsProtocol):
        _deadline: Any = None

        @override
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._arm()

        @override
        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._arm()

        @override
        def on_headers_complete(self) -> None:
            self._disarm()
            super().on_headers_complete()

        @override
        def connection_lost(self, exc: Exception | None) -> None:
            self._disarm()
            super().connection_lost(exc)

        def _arm(self) -> None:
            if self._deadline is None:
                close = self.transport.close
                self._deadline = self.loop.call_later(header_seconds, close)

        def _disarm(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Protocol


class HeadAsGet:
    """Answer every HEAD as the GET of the same path, without its body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the body of a HEAD is neither read nor made."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        with anyio.CancelScope() as answering:

            async def send_head(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                    return
                await send(
                    {"type": "http.response.body", "body": b"", "more_body": False},
                )
                # A long body would be read from disk for nobody.
                answering.cancel()

            as_get: Scope = {**scope, "method": "GET"}
            await self._app(as_get, receive, send_head)
