"""What reaches the leader over NATS: from clients, and from the servers that stand by."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio
import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from orchestrator import clock, wire
from orchestrator.domain.commands import Asked
from orchestrator.domain.ids import Position
from orchestrator.errors import (
    InvalidCommandError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
)
from orchestrator.nats_connection import NatsConnection
from orchestrator.writer.candidate import (
    Disconnected,
    PingAnswered,
    PingSilent,
    PingUnheard,
)
from orchestrator.writer.commands import Answered
from orchestrator.writer.election import Pinged
from orchestrator.writer.forwarding import (
    decode_command,
    decode_outcome,
    encode_command,
    encode_outcome,
)
from orchestrator.writer.leader import Leader
from orchestrator.writer.office import Office
from orchestrator.writer.reports import Reports

logger = structlog.stdlib.get_logger()

_PING_SECONDS = 0.5
# Then a command is sent again: its first message, or the answer, may be lost.
_FORWARD_SECONDS = 3.0
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


class ForwardToLeader:
    """Sends a command to the leader of a term over NATS."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection

    async def __call__(self, term: Position, asked: Asked) -> Answered:
        """Return what the leader answers, or raise what it has raised.

        Raises:
            CommandRejectedError, LogFullError: its refusal, with the facts.
            NotLeadingError: nobody can have taken the command.
            OutcomeUnknownError: no answer came; somebody may have taken it.
        """
        client, command = self._connection.client, encode_command(asked)
        try:
            reply = await client.request(
                _commands_of(term), command, timeout=_FORWARD_SECONDS
            )
        except (nats.errors.NoRespondersError, nats.errors.OutboundBufferLimitError):
            # Nobody listens, or we are cut off: then nothing is sent later either.
            raise NotLeadingError from None
        except (nats.errors.Error, OSError):
            raise OutcomeUnknownError from None
        return decode_outcome(reply.data)


def _leader_of(term: Position) -> str:
    return f"leader.{term}"


def _commands_of(term: Position) -> str:
    return f"commands.{term}"


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
        async with self._send, self._receive, anyio.create_task_group() as tasks:
            tasks.start_soon(self._work)
            while True:
                leader = await self._office.leads()
                async with self._subscribed(leader):
                    await leader.ended()

    @asynccontextmanager
    async def _subscribed(self, leader: Leader) -> AsyncGenerator[None]:
        client, term = self._connection.client, leader.lead.state.term
        handlers: list[tuple[str, _Handle]] = [
            ("reports.*", self._enqueue(self._report)),
            ("heartbeats.*", self._enqueue(self._beat)),
            # Not behind the commands: who has much to do is there all the same.
            (_leader_of(term), partial(_pinged, leader)),
            # Only by the leader of the very term that it was sent to.
            (_commands_of(term), self._enqueue(partial(_carry_out, leader))),
        ]
        subscriptions = [
            await client.subscribe(subject, cb=callback)
            for subject, callback in handlers
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
        if answer is not None and message.reply:
            await message.respond(wire.encode(answer))


async def _pinged(leader: Leader, message: Msg) -> None:
    if message.reply and not leader.is_over:
        with suppress(nats.errors.Error, OSError):
            await message.respond(str(leader.lead.acknowledged).encode())


async def _carry_out(leader: Leader, message: Msg) -> None:
    try:
        outcome = await leader.ask(decode_command(message.data))
    except msgspec.MsgspecError as error:
        outcome = InvalidCommandError(field="command", why=str(error))
    except OrchestratorError as error:
        outcome = error
    if message.reply:
        await message.respond(encode_outcome(outcome))
