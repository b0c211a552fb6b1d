"""Read a stream from a position of one's own: every message, in order, once."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import anyio
import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamManager
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from orchestrator.errors import LogLiedError
from orchestrator.event_log.port import Message
from orchestrator.nats_connection import NatsConnection

logger = structlog.stdlib.get_logger()

# What may wait in memory for one follower; half taken, the next half is asked for.
_WINDOW = 4_000
_WINDOW_BYTES = 16 << 20
_HEARTBEAT_SECONDS = 0.5
_SILENCE_SECONDS = 1.5
_RETRY_SECONDS = 0.2
_RETRIES_OF_A_MISSING_STREAM = 25  # a cluster that starts may not know it yet
_REQUEST_SECONDS = 30
_UNUSED_SECONDS = 30
_NANOSECONDS = 1_000_000_000
_HEARTBEAT_STATUS = "100"
_TOKENS_WITHOUT_DOMAIN = 9


class Source(msgspec.Struct, frozen=True):
    """Where a follower reads; `require_holds` raises when that lost a position."""

    connection: NatsConnection
    manager: JetStreamManager
    stream: str
    require_holds: Callable[[int], Awaitable[None]]


async def follow(
    source: Source, after: int, subjects: Sequence[str]
) -> AsyncGenerator[Sequence[Message]]:
    """Yield everything after a position, in order, once, in batches; for ever.

    Raises:
        LogLiedError: the stream is gone, or ends before what was already read.
    """
    position, missed = after, 0
    while True:
        reading = _Reading(source, position, subjects)
        try:
            await reading.open()
            missed = 0
            while batch := await reading.batch():
                position = batch[-1].position
                yield batch
        except NotFoundError as error:
            missed += 1
            if missed > _RETRIES_OF_A_MISSING_STREAM:
                raise LogLiedError(position=position, why="it is gone") from error
            await _pause(source.connection, error)
        except (nats.errors.Error, OSError) as error:
            await _pause(source.connection, error)
        finally:
            await reading.close()


async def _pause(connection: NatsConnection, error: Exception) -> None:
    """Return after a moment, or as soon as the server is back.

    Raises:
        LogUnreachableError: it will not come back, the connection is closed.
    """
    if connection.client.is_closed:
        raise connection.unreachable(error)
    if connection.is_connected:  # else the connection has said so itself
        logger.warning("log.follow_again", why=str(error))
    back = anyio.Event()
    with connection.on_reconnect(back.set), anyio.move_on_after(_RETRY_SECONDS):
        await back.wait()


class _Reading:
    """One consumer of the stream, good until something makes it doubtful."""

    def __init__(self, source: Source, after: int, subjects: Sequence[str]) -> None:
        self._source = source
        self._client = source.connection.client
        self._position = after
        self._subjects = subjects
        self._inbox = self._client.new_inbox()
        self._next_request = ""
        self._delivered = 0  # the consumer's own count, which shows a gap
        self._asked = 0  # and not yet arrived
        self._arrived: list[Msg] = []
        self._woken = anyio.Event()
        self._doubtful = False
        self._cleanup = contextlib.AsyncExitStack()

    async def open(self) -> None:
        notified = self._source.connection.on_reconnect(self._doubt)
        self._cleanup.enter_context(notified)
        subscription = await self._client.subscribe(self._inbox, cb=self._arrive)
        self._cleanup.push_async_callback(subscription.unsubscribe)
        await self._source.require_holds(self._position)
        consumer = await self._source.manager.add_consumer(
            self._source.stream, self._consumer()
        )
        self._next_request = (
            f"$JS.API.CONSUMER.MSG.NEXT.{self._source.stream}.{consumer.name}"
        )

    def _consumer(self) -> ConsumerConfig:
        every = list(self._subjects) == [">"]
        return ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._position + 1,
            ack_policy=AckPolicy.NONE,
            filter_subjects=None if every else list(self._subjects),
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=_UNUSED_SECONDS,
        )

    async def close(self) -> None:
        with (
            anyio.move_on_after(1, shield=True),
            contextlib.suppress(nats.errors.Error, OSError),
        ):
            await self._cleanup.aclose()

    async def batch(self) -> Sequence[Message]:
        """Return what has arrived since, or nothing when this reading is doubtful."""
        while not self._doubtful:
            arrived, self._arrived = self._arrived, []
            messages = self._newer(arrived)
            # Before they are worked on, so that the next ones come meanwhile.
            await self._ask()
            if messages:
                return messages
            await self._wait()
        return ()

    async def _arrive(self, message: Msg) -> None:
        # Only enqueues: an exception here would be swallowed, and the event with it.
        self._arrived.append(message)
        self._woken.set()

    def _doubt(self) -> None:
        self._doubtful = True
        self._woken.set()

    async def _wait(self) -> None:
        if self._arrived or self._doubtful:
            return
        self._woken = anyio.Event()
        with anyio.move_on_after(_SILENCE_SECONDS):
            await self._woken.wait()
            return
        logger.debug("log.follow_again", why="silence")
        self._doubtful = True

    async def _ask(self) -> None:
        """Ask for as many as may wait: the server never sends more than that."""
        if self._asked > _WINDOW // 2:
            return
        request = {
            "batch": _WINDOW - self._asked,
            # A message larger than this would never come.
            "max_bytes": max(_WINDOW_BYTES, 2 * self._client.max_payload),
            "expires": _REQUEST_SECONDS * _NANOSECONDS,
            "idle_heartbeat": int(_HEARTBEAT_SECONDS * _NANOSECONDS),
        }
        self._asked = _WINDOW
        await self._client.publish(
            self._next_request, msgspec.json.encode(request), reply=self._inbox
        )

    def _newer(self, arrived: Sequence[Msg]) -> Sequence[Message]:
        messages: list[Message] = []
        for one in arrived:
            if not one.reply:
                self._note_status(one.headers or {})
                continue
            position, delivered = _numbers(one.reply)
            self._asked -= 1
            self._delivered += 1
            if delivered != self._delivered:
                logger.debug("log.follow_again", why="gap")
                self._doubtful = True
                break
            if position > self._position:
                self._position = position
                messages.append(Message(position, one.subject, one.data))
        return messages

    def _note_status(self, status: dict[str, str]) -> None:
        if status.get("Status") == _HEARTBEAT_STATUS:
            # What was sent before the heartbeat must have arrived before it.
            last = int(status.get("Nats-Last-Consumer", self._delivered))
            self._doubtful |= last != self._delivered
        elif (undelivered := status.get("Nats-Pending-Messages")) is not None:
            self._asked -= int(undelivered)  # the request is used up or has expired
        else:
            self._doubtful = True  # no consumer, no stream, another leader


def _numbers(reply: str) -> tuple[int, int]:
    """Return the stream's and the consumer's number of a delivered message.

    >>> _numbers("$JS.ACK.LOG.c1.1.17.3.1795533657216978897.9")
    (17, 3)
    >>> _numbers("$JS.ACK.hub.account.LOG.c1.1.17.3.1795533657216978897.9.random")
    (17, 3)
    """
    tokens = reply.split(".")
    at = 5 if len(tokens) == _TOKENS_WITHOUT_DOMAIN else 7
    return int(tokens[at]), int(tokens[at + 1])
