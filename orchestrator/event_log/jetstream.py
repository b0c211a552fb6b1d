"""The event log on NATS JetStream: one stream, one fence over the whole of it."""

import contextlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import override

import anyio
import msgspec
import nats.errors
from nats.js import JetStreamManager
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError
from nats.nuid import NUID

from orchestrator.errors import (
    AppendDoubtError,
    EventTooLargeError,
    FenceError,
    LogFullError,
    LogLiedError,
)
from orchestrator.event_log.follower import Source, follow
from orchestrator.event_log.port import Draft, EventLog, LogEnd, Message
from orchestrator.event_log.stream import ensure_stream, require_version, wanted
from orchestrator.nats_connection import NatsConnection, connect

_ASK_SECONDS = 5.0
# Headers are part of the server's limit on a message.
_HEADERS_BYTES = 512
_FENCE_REFUSED = {10071, 10164}
_FULL = {10002, 10023, 10047}
_STORE_FAILED = 10077  # full, or anything else: only its words tell
_FULL_WORDS = "maximum bytes exceeded"
_TOO_LARGE = 10054
_EMPTY_REPLY = b'{"error":{"description":"an empty answer"}}'


class _Refusal(msgspec.Struct, frozen=True):
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct, frozen=True):
    stream: str = ""
    seq: int = 0
    error: _Refusal | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class JetStreamLog(EventLog):
    """An event log in a JetStream stream; `open_jetstream` makes one."""

    def __init__(
        self,
        connection: NatsConnection,
        *,
        stream: StreamInfo,
        append_seconds: float,
    ) -> None:
        self.connection = connection
        self._client = connection.client
        self._manager = JetStreamManager(self._client, timeout=_ASK_SECONDS)
        self._stream = stream.config.name or ""
        self._created_at = _created_at(stream)
        self._max_message = _limit_of(stream)
        self._append_seconds = append_seconds
        self._batch_ids = NUID()

    @override
    async def append(self, drafts: Sequence[Draft], *, expected: int) -> int:
        self._require_size(drafts)
        data = await self._publish(
            drafts, {"Nats-Expected-Last-Sequence": f"{expected}"}
        )
        return self._position(data, drafts, expected=expected)

    def _require_size(self, drafts: Sequence[Draft]) -> None:
        size = _largest(drafts)
        if size > self._limit:
            raise EventTooLargeError(size=size, limit=self._limit)

    @property
    def _limit(self) -> int:
        return min(self._client.max_payload, self._max_message) - _HEADERS_BYTES

    async def _publish(self, drafts: Sequence[Draft], fence: dict[str, str]) -> bytes:
        """Return the server's answer, whether or not the caller is cancelled."""
        why = f"no answer within {self._append_seconds} s"
        with anyio.move_on_after(self._append_seconds, shield=True) as scope:

            def lose() -> None:
                nonlocal why
                why = "the connection was lost"
                scope.cancel()

            try:
                with self.connection.on_disconnect(lose):
                    return await self._send(drafts, fence)
            except (nats.errors.Error, OSError) as error:
                raise AppendDoubtError(why=str(error)) from error
        raise AppendDoubtError(why=why)

    async def _send(self, drafts: Sequence[Draft], fence: dict[str, str]) -> bytes:
        *earlier, last = drafts
        headers = fence
        if earlier:
            batch = {"Nats-Batch-Id": self._batch_ids.next().decode()}
            # Its first message carries the fence.
            headers = batch | fence
            for sequence, draft in enumerate(earlier, start=1):
                headers["Nats-Batch-Sequence"] = str(sequence)
                await self._client.publish(draft.subject, draft.data, headers=headers)
                headers = batch
            headers["Nats-Batch-Sequence"] = str(len(drafts))
            headers["Nats-Batch-Commit"] = "1"
        # The scope around this is the deadline.
        reply = await self._client.request(
            last.subject, last.data, timeout=2 * self._append_seconds, headers=headers
        )
        return reply.data

    def _position(self, data: bytes, drafts: Sequence[Draft], *, expected: int) -> int:
        """Return the position that the server's answer means.

        Raises:
            FenceError, LogFullError, EventTooLargeError: it refused, for this reason.
            AppendDoubtError: the answer is none that we know to be definite.
        """
        answer = _ANSWER.decode(data or _EMPTY_REPLY)
        refusal = answer.error
        if refusal is None:
            last = expected + len(drafts)
            if (answer.stream, answer.seq) != (self._stream, last):
                raise AppendDoubtError(why=f"an answer that does not fit: {answer}")
            return answer.seq
        if refusal.err_code in _FENCE_REFUSED:
            raise FenceError(expected=expected)
        if _is_full(refusal):
            raise LogFullError
        if refusal.err_code == _TOO_LARGE:
            raise EventTooLargeError(size=_largest(drafts), limit=self._limit)
        raise AppendDoubtError(why=f"{refusal.description} ({refusal.err_code})")

    @override
    def follow(
        self, after: int, subjects: Sequence[str] = (">",)
    ) -> AsyncIterator[Sequence[Message]]:
        source = Source(
            connection=self.connection,
            manager=self._manager,
            stream=self._stream,
            require_holds=self._require_holds,
        )
        return follow(source, after, subjects)

    async def _require_holds(self, position: int) -> None:
        found = await self._manager.stream_info(self._stream)
        if found.state.last_seq < position:
            why = f"it ends at {found.state.last_seq}"
            raise LogLiedError(position=position, why=why)
        if _created_at(found) != self._created_at:
            raise LogLiedError(position=position, why="it was created anew")

    @override
    async def end(self) -> LogEnd:
        found = await self._info()
        return LogEnd(
            position=found.state.last_seq,
            created_at=_created_at(found),
            first_position=max(found.state.first_seq, 1),
            deleted=found.state.num_deleted or 0,
        )

    async def _info(self) -> StreamInfo:
        # Without a connection no answer comes: not to be waited for.
        with anyio.CancelScope() as scope, self.connection.on_disconnect(scope.cancel):
            try:
                return await self._manager.stream_info(self._stream)
            except (nats.errors.Error, OSError) as error:
                raise self.connection.unreachable(error) from error
        raise self.connection.unreachable("the connection was lost")

    @override
    async def read(self, position: int) -> Message | None:
        if position < 1:
            return None
        try:
            found = await self._manager.get_msg(self._stream, seq=position)
        except NotFoundError:
            return None
        except (nats.errors.Error, OSError) as error:
            raise self.connection.unreachable(error) from error
        return Message(position, found.subject or "", found.data or b"")


@contextlib.asynccontextmanager
async def open_jetstream(  # noqa: PLR0913 - each is a setting of its own
    url: str,
    *,
    stream: str = "ORCHESTRATOR",
    user: str | None = None,
    password: str | None = None,
    replicas: int = 1,
    max_bytes: int | None = None,
    append_seconds: float = 5.0,
    connect_seconds: float = 3.0,
    name: str = "orchestrator",
    create: bool = True,
) -> AsyncGenerator[JetStreamLog]:
    """Return a context with the log, its stream made or checked.

    Raises:
        LogUnreachableError, LogAccessError: no server, or it refuses the user.
        LogTooOldError: the server cannot hold the log; nothing was created.
        LogMissingError: the stream is not there, and `create` is false.
        LogMismatchError: the stream is there, with other settings.
    """
    async with connect(
        url, name=name, user=user, password=password, within_seconds=connect_seconds
    ) as connection:
        require_version(connection.server_version)
        settings = wanted(stream, replicas=replicas, max_bytes=max_bytes)
        manager = JetStreamManager(connection.client, timeout=_ASK_SECONDS)
        try:
            found = await ensure_stream(manager, settings, create=create)
        except (nats.errors.Error, OSError) as error:
            raise connection.unreachable(error) from error
        yield JetStreamLog(connection, stream=found, append_seconds=append_seconds)


def _largest(drafts: Sequence[Draft]) -> int:
    return max(len(draft.data) for draft in drafts)


def _is_full(refusal: _Refusal) -> bool:
    return refusal.err_code in _FULL or (
        refusal.err_code == _STORE_FAILED and _FULL_WORDS in refusal.description
    )


def _limit_of(stream: StreamInfo) -> int:
    limit = stream.config.max_msg_size
    return sys.maxsize if limit is None or limit < 0 else limit


def _created_at(stream: StreamInfo) -> datetime:
    return stream.created or datetime(1970, 1, 1, tzinfo=UTC)
