"""A TCP proxy in front of a server: a test loses or holds what goes through it."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketStream, TaskGroup

_CHUNK = 1 << 16
# What both ends may say when the other has gone.
_GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)

type _Pass = Callable[[bytes], bytes]


class Wire:
    """What a client sends and is answered; by default all of it arrives."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self.url = ""
        self._ends: list[SocketStream] = []
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._requests_lost = False
        self._answers_lost = False
        self._cut_after: bytes | None = None
        self._last_request: bytes | None = None
        self._released = anyio.Event()
        self._released.set()

    def lose_requests(self, after: bytes | None = None) -> None:
        """Lose all that is sent from now on, or from what stands after some bytes."""
        self._cut_after = after
        self._requests_lost = after is None

    def lose_answers(self, after: bytes | None = None) -> None:
        """Lose all answers from now on, or once some bytes were sent."""
        self._last_request = after
        self._answers_lost = after is None

    def hold_answers(self) -> None:
        """Keep the answers back until `release`."""
        self._released = anyio.Event()

    def release(self) -> None:
        """Let what was held back arrive, late."""
        self._released.set()

    async def cut(self) -> None:
        """Break the connection; one that is made anew works."""
        ends, self._ends = self._ends, []
        for end in ends:
            await end.aclose()

    @property
    def has_lost_requests(self) -> bool:
        """Return whether what is sent is being lost."""
        return self._requests_lost

    async def connect(self, client: SocketStream) -> None:
        """Carry one connection, both ways, until one end has gone."""
        with contextlib.suppress(OSError):
            server = await anyio.connect_tcp(self._host, self._port)
            # What was to be lost or held was so on the connection before.
            self._begin_anew()
            self._ends += [client, server]
            async with client, server, anyio.create_task_group() as ways:
                ways.start_soon(self._carry, client, server, self._request, ways)
                ways.start_soon(self._carry_back, server, client, ways)

    async def _carry(
        self, source: SocketStream, sink: SocketStream, let: _Pass, ways: TaskGroup
    ) -> None:
        with contextlib.suppress(*_GONE):
            while True:
                if passed := let(await source.receive(_CHUNK)):
                    await sink.send(passed)
        ways.cancel_scope.cancel()

    async def _carry_back(
        self, server: SocketStream, client: SocketStream, ways: TaskGroup
    ) -> None:
        with contextlib.suppress(*_GONE):
            while True:
                chunk = await server.receive(_CHUNK)
                await self._released.wait()
                if not self._answers_lost:
                    await client.send(chunk)
        ways.cancel_scope.cancel()

    def _request(self, chunk: bytes) -> bytes:
        if self._requests_lost:
            return b""
        if self._last_request is not None and self._last_request in chunk:
            self._answers_lost = True
        if self._cut_after is None or self._cut_after not in chunk:
            return chunk
        self._requests_lost = True
        return chunk[: chunk.index(self._cut_after) + len(self._cut_after)]


@asynccontextmanager
async def wire_to(url: str) -> AsyncGenerator[Wire]:
    """Return a context with a proxy in front of a server; its own `url` leads there."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    wire = Wire(parts.hostname, parts.port)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    _, port = listener.extra_attributes[anyio.abc.SocketAttribute.local_address]()
    wire.url = f"{parts.scheme}://127.0.0.1:{port}"
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, wire.connect)
        yield wire
        tasks.cancel_scope.cancel()
