"""The client's side of NATS: reports and heartbeats out, assignments in."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Never

import anyio
import nats.errors
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from msgspec import MsgspecError
from nats.aio.msg import Msg

from clients.inputs import Assigned, Delivered, StopAsked
from orchestrator.codec import decode
from orchestrator.domain.events import Event, JobAssigned, JobStopRequested
from orchestrator.domain.ids import ClientId
from orchestrator.nats_connection import NatsConnection, Notify, connect
from orchestrator.wire import (
    ANSWER_DECODER,
    HEARTBEAT_ANSWER_DECODER,
    Answer,
    Heartbeat,
    HeartbeatAnswer,
    Report,
    deliveries_of,
    encode,
    heartbeats_of,
    reports_of,
)

_ANSWER_SECONDS = 6.0  # the leader's append has a deadline of 5
_BEAT_SECONDS = 1.5
# Far above what a client is ever given; what does not fit is a gap, and a sync heals it.
_BUFFERED = 4096
_POSITION = "Nats-Sequence"
_PREVIOUS = "Nats-Last-Sequence"


class NatsLink:
    """One client's conversation with the hub."""

    def __init__(
        self,
        connection: NatsConnection,
        client_id: ClientId,
        messages: MemoryObjectReceiveStream[Msg],
    ) -> None:
        self._connection = connection
        self._client_id = client_id
        self._messages = messages

    async def ask(
        self, report: Report, *, within_seconds: float = _ANSWER_SECONDS
    ) -> Answer | None:
        """Return the hub's answer; None when nobody gave one."""
        subject = reports_of(self._client_id)
        reply = await self._request(subject, encode(report), within_seconds)
        with contextlib.suppress(MsgspecError):
            return ANSWER_DECODER.decode(reply) if reply is not None else None
        return None

    async def beat(self, heartbeat: Heartbeat) -> HeartbeatAnswer | None:
        """Return the hub's answer; None when nobody gave one."""
        subject = heartbeats_of(self._client_id)
        reply = await self._request(subject, encode(heartbeat), _BEAT_SECONDS)
        with contextlib.suppress(MsgspecError):
            return HEARTBEAT_ANSWER_DECODER.decode(reply) if reply is not None else None
        return None

    async def deliveries(self) -> AsyncIterator[Delivered]:
        """Yield what is stored for this client from now on.

        Raises:
            UndecodableEventError: this version does not know a message.
        """
        async for message in self._messages:
            yield _delivered(message)

    def on_reconnect(self, notify: Notify) -> AbstractContextManager[None]:
        """Return a context in which `notify` is called when the hub is back."""
        return self._connection.on_reconnect(notify)

    async def watch(self) -> Never:
        """Raise what would otherwise be lost in a callback."""
        await self._connection.watch()

    async def _request(
        self, subject: str, payload: bytes, within_seconds: float
    ) -> bytes | None:
        try:
            reply = await self._connection.client.request(
                subject, payload, timeout=within_seconds
            )
        except (nats.errors.Error, TimeoutError, OSError):
            return None
        return reply.data


@contextlib.asynccontextmanager
async def open_link(
    url: str, client_id: ClientId, *, user: str | None, password: str | None
) -> AsyncGenerator[NatsLink]:
    """Return a context with the link, which already takes deliveries.

    Raises:
        LogUnreachableError: no NATS server answers.
        LogAccessError: it refuses this user or password.
    """
    send, receive = anyio.create_memory_object_stream[Msg](_BUFFERED)
    with send, receive:
        async with connect(
            url, name=f"client {client_id}", user=user, password=password
        ) as connection:
            await connection.client.subscribe(
                deliveries_of(client_id), cb=_enqueue_into(send)
            )
            # The hub has the subscription before it is asked for anything.
            await connection.client.flush()
            yield NatsLink(connection, client_id, receive)


def _enqueue_into(
    send: MemoryObjectSendStream[Msg],
) -> Callable[[Msg], Awaitable[None]]:
    async def enqueue(message: Msg) -> None:
        with contextlib.suppress(anyio.WouldBlock, anyio.ClosedResourceError):
            send.send_nowait(message)

    return enqueue


def _delivered(message: Msg) -> Delivered:
    headers = message.headers or {}
    position = int(headers.get(_POSITION, 0))
    recorded = decode(message.data, position=position)
    return Delivered(
        position=position,
        previous=int(headers.get(_PREVIOUS, 0)),
        work=_work(recorded.event, position),
    )


def _work(event: Event, position: int) -> Assigned | StopAsked | None:
    match event:
        case JobAssigned():
            return Assigned(key=(event.job_id, event.attempt), position=position)
        case JobStopRequested():
            return StopAsked(key=(event.job_id, event.attempt))
        case _:
            return None
