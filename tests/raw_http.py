"""HTTP by hand over a socket, for what no well-behaved client would send."""

from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketStream

_PATIENCE_SECONDS = 10
_CHUNK = 65_536


class RawConnection:
    """A connection on which a test writes and reads bytes."""

    def __init__(self, url: str) -> None:
        self._port = urlsplit(url).port or 80
        self._stream: SocketStream | None = None
        self._received = b""

    async def __aenter__(self) -> Self:
        self._stream = await anyio.connect_tcp("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stream.aclose()

    @property
    def stream(self) -> SocketStream:
        """The open socket."""
        assert self._stream is not None
        return self._stream

    async def send(self, head: str, body: bytes = b"") -> None:
        """Send a head, whose lines end with a newline, and the beginning of a body."""
        lines = head.strip().splitlines()
        await self.stream.send("\r\n".join([*lines, "", ""]).encode() + body)

    async def until(self, wanted: bytes) -> bytes:
        """Return what has come, once it holds something."""
        with anyio.fail_after(_PATIENCE_SECONDS):
            while wanted not in self._received:
                self._received += await self.stream.receive(_CHUNK)
        return self._received

    async def until_closed(self) -> bytes:
        """Return all that comes until the other side closes."""
        with anyio.fail_after(_PATIENCE_SECONDS):
            try:
                while True:
                    self._received += await self.stream.receive(_CHUNK)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return self._received
