"""What reaches the leader over NATS: reports, heartbeats, and pings of standbys."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from orchestrator import clock, wire
from orchestrator.domain.ids import Position
from orchestrator.nats_connection import NatsConnection
from orchestrator.writer.candidate import (
    Disconnected,
    PingAnswered,
    PingSilent,
    PingUnheard,
)
from orchestrator.writer.election import Pinged
from orchestrator.writer.leader import Leader
from orchestrator.writer.office import Office
from orchestrator.writer.reports import Reports

logger = structlog.stdlib.get_logger()

_PING_SECONDS = 0.5
_JITTER_US = 100_000
# Beyond this, reports are dropped: their clients send them again.
_MOST_WAITING = 10_000
_MOST_AT_ONCE = 1_000

type _Handle = Callable[[Msg], Awaitable[None]]


class LeaderPing:
    """Asks over NATS whether the leader of a term is there."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection

    async def __call__(self, term: Position) -> Pinged:
        """Return what came back within half a second."""
        jitter_us = clock.jitter_us(_JITTER_US)
        client = self._connection.client
        try:
            await client.request(_leader_of(term), b"", timeout=_PING_SECONDS)
        except nats.errors.NoRespondersError:
            return PingUnheard(jitter_us)
        except nats.errors.TimeoutError:
            # Without a connection, silence says nothing about the leader.
            connected = self._connection.is_connected
            return PingSilent(jitter_us) if connected else Disconnected()
        except (nats.errors.Error, OSError):
            return Disconnected()
        return PingAnswered()


def _leader_of(term: Position) -> str:
    return f"leader.{term}"


class NatsLink:
    """Serves clients and standbys while this server leads."""

    def __init__(
        self,
        connection: NatsConnection,
        office: Office,
        reports: Reports,
    ) -> None:
        self._connection = connection
        self._office = office
        self._reports = reports
        self._send, self._receive = anyio.create_memory_object_stream[
            tuple[_Handle, Msg]
        ](_MOST_WAITING)
        self._room = anyio.Semaphore(_MOST_AT_ONCE)

    async def run(self) -> None:
        """Serve whenever this server leads, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._work)
            while True:
                leader = await self._office.leads()
                async with self._subscribed(leader):
                    await leader.ended()

    @asynccontextmanager
    async def _subscribed(self, leader: Leader) -> AsyncGenerator[None]:
        client = self._connection.client
        handlers: list[tuple[str, _Handle]] = [
            ("reports.*", self._report),
            ("heartbeats.*", self._beat),
            (_leader_of(leader.lead.state.term), self._pinged),
        ]
        subscriptions = [
            await client.subscribe(subject, cb=self._enqueue(handle))
            for subject, handle in handlers
        ]
        try:
            yield
        finally:
            with anyio.move_on_after(1, shield=True):
                for subscription in subscriptions:
                    with suppress(nats.errors.Error, OSError):
                        await subscription.unsubscribe()

    def _enqueue(self, handle: _Handle) -> _Handle:
        async def enqueue(message: Msg) -> None:
            with suppress(anyio.WouldBlock, anyio.ClosedResourceError):
                self._send.send_nowait((handle, message))

        return enqueue

    async def _work(self) -> None:
        async with anyio.create_task_group() as tasks:
            async for handle, message in self._receive:
                await self._room.acquire()
                tasks.start_soon(self._handle, handle, message)

    async def _handle(self, handle: _Handle, message: Msg) -> None:
        try:
            await handle(message)
        except (nats.errors.Error, OSError) as error:
            # The answer could not be sent: the client asks again.
            logger.debug("nats.answer_lost", why=str(error))
        finally:
            self._room.release()

    async def _report(self, message: Msg) -> None:
        try:
            report = wire.REPORT_DECODER.decode(message.data)
        except msgspec.MsgspecError as error:
            answer: wire.Answer = wire.Refused(code="invalid", message=str(error))
        else:
            answer = await self._answer(message.subject, report)
        await message.respond(wire.encode(answer))

    async def _answer(self, subject: str, report: wire.Report) -> wire.Answer:
        if subject != wire.reports_of(report.client_id):
            why = f"{report.client_id} may not report on {subject}"
            return wire.Refused(code="invalid", message=why)
        return await self._reports.answer(report)

    async def _beat(self, message: Msg) -> None:
        try:
            heartbeat = wire.HEARTBEAT_DECODER.decode(message.data)
        except msgspec.MsgspecError as error:
            logger.warning("heartbeat.unreadable", why=str(error))
            return
        if message.subject != wire.heartbeats_of(heartbeat.client_id):
            return
        answer = self._reports.beat(heartbeat)
        if message.reply:
            await message.respond(wire.encode(answer))

    async def _pinged(self, message: Msg) -> None:
        leader = self._office.leader
        if leader is not None and message.reply:
            await message.respond(str(leader.lead.acknowledged).encode())
