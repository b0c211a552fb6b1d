"""One connection to NATS: reconnects for ever, and says when it could not serve."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Never
from urllib.parse import urlsplit

import anyio
import nats.errors
import structlog
from nats.aio.client import Client

from orchestrator.errors import LogAccessError, LogUnreachableError

logger = structlog.stdlib.get_logger()

type Notify = Callable[[], None]

_RECONNECT_WAIT_SECONDS = 0.1
_PING_SECONDS = 1
_GOODBYE_SECONDS = 2.0
# Trouble of the wire, which nats-py repairs itself; a callback of ours only enqueues
# and so never raises these.
_TROUBLE = (OSError, nats.errors.Error)


class NatsConnection:
    """A NATS client, the errors of its callbacks, and its comings and goings."""

    def __init__(self, url: str) -> None:
        self.client = Client()
        self._url = url
        self._last_trouble = "no answer"
        self._opened = False
        self._closing = False
        self._lost: set[Notify] = set()
        self._back: set[Notify] = set()
        self._failed, self._failures = anyio.create_memory_object_stream[Exception](8)

    async def watch(self) -> Never:
        """Raise the first error that a callback raised.

        Run it in the task group that the callbacks belong to. Trouble of the network
        is only logged: the client reconnects.

        Raises:
            LogUnreachableError: the server closed the connection for good.
        """
        raise await self._failures.receive()

    @property
    def is_connected(self) -> bool:
        """Return whether the server is there now, as far as the client knows."""
        return self.client.is_connected

    @property
    def server_version(self) -> str:
        """Return the version of the server that is connected now."""
        # Its words are the only public form that does not fail on an odd version.
        return str(self.client.connected_server_version).rpartition(" v")[2].rstrip(">")

    def on_disconnect(self, notify: Notify) -> AbstractContextManager[None]:
        """Return a context in which `notify` is called when the server is lost."""
        return _member(self._lost, notify)

    def on_reconnect(self, notify: Notify) -> AbstractContextManager[None]:
        """Return a context in which `notify` is called when the server is back."""
        return _member(self._back, notify)

    def unreachable(self, why: object) -> LogUnreachableError:
        """Return the error that says so, without the secrets a URL may hold."""
        return LogUnreachableError(url=_public(self._url), why=str(why))

    async def open(
        self,
        *,
        name: str,
        user: str | None,
        password: str | None,
        within_seconds: float,
    ) -> None:
        """Connect, trying until the time is up.

        Raises:
            LogUnreachableError: nobody answered in time.
            LogAccessError: the server refuses this user or password.
        """
        with anyio.move_on_after(within_seconds):
            await self._connect(name=name, user=user, password=password)
            self._opened = True
        if not self._opened:
            raise self.unreachable(self._last_trouble)

    async def _connect(
        self, *, name: str, user: str | None, password: str | None
    ) -> None:
        await self.client.connect(
            self._url.split(","),
            name=name,
            user=user,
            password=password,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
            # 0: nothing is sent later than the caller believes.
            pending_size=0,
            reconnect_time_wait=_RECONNECT_WAIT_SECONDS,  # pyright: ignore[reportArgumentType] - nats-py says int and sleeps that long: fractions work
            max_reconnect_attempts=-1,
            ping_interval=_PING_SECONDS,
            max_outstanding_pings=2,
        )

    async def close(self) -> None:
        """Send what is still to be sent, and leave; quiet when the server is down."""
        self._closing = True
        with anyio.move_on_after(_GOODBYE_SECONDS, shield=True):
            # In a task of its own: when the server has just died, nats-py lets out a
            # cancellation that nobody asked for, and it should reach nobody.
            async with anyio.create_task_group() as goodbye:
                goodbye.start_soon(self._leave)
        self._failed.close()
        self._failures.close()

    async def _leave(self) -> None:
        with contextlib.suppress(*_TROUBLE):
            if self.client.is_connected:
                with contextlib.suppress(*_TROUBLE):
                    await self.client.flush(timeout=1)
            await self.client.close()

    async def _on_error(self, error: Exception) -> None:
        before, self._last_trouble = self._last_trouble, _words(error)
        if not self._opened and "authorization violation" in str(error).lower():
            # Raised through connect(), which would try the same password for ever.
            raise LogAccessError(url=_public(self._url))
        if not isinstance(error, _TROUBLE):
            self._fail(error)
        elif self._opened and self._last_trouble != before:
            # It comes again ten times a second; before the start, the error says it.
            logger.warning("nats.trouble", why=self._last_trouble)

    async def _on_disconnected(self) -> None:
        for notify in tuple(self._lost):
            notify()

    async def _on_reconnected(self) -> None:
        logger.info("nats.reconnected", url=_public(self._url))
        self._last_trouble = ""
        for notify in tuple(self._back):
            notify()

    async def _on_closed(self) -> None:
        if not self._closing:
            why = self.client.last_error or self._last_trouble
            self._fail(self.unreachable(f"the server closed the connection: {why}"))

    def _fail(self, error: Exception) -> None:
        # The first one ends the process: later ones have nobody to tell.
        with contextlib.suppress(anyio.WouldBlock, anyio.ClosedResourceError):
            self._failed.send_nowait(error)


@contextlib.asynccontextmanager
async def connect(
    url: str,
    *,
    name: str,
    user: str | None = None,
    password: str | None = None,
    within_seconds: float = 3.0,
) -> AsyncGenerator[NatsConnection]:
    """Return a context with a connection; several servers are separated by commas.

    Raises:
        LogUnreachableError: nobody answered in time.
        LogAccessError: the server refuses this user or password.
    """
    connection = NatsConnection(url)
    try:
        await connection.open(
            name=name, user=user, password=password, within_seconds=within_seconds
        )
        yield connection
    finally:
        await connection.close()


@contextlib.contextmanager
def _member(notified: set[Notify], notify: Notify) -> Generator[None]:
    notified.add(notify)
    try:
        yield
    finally:
        notified.discard(notify)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _public(url: str) -> str:
    """Return the URL without user and password.

    >>> _public("nats://me:secret@hub:4222,other:4222")
    'nats://hub:4222,other:4222'
    """
    return ",".join(_without_userinfo(one) for one in url.split(","))


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
