"""A server without HTTP, to be stopped and continued: `NAME URL REPLICAS DIRECTORY FD`.

It has the real writer, log, projector and NATS links. Commands come over the socket
that it inherits; each write that it tries is noted in a file before it is sent.
"""

import contextlib
import socket
import sys
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import override

import anyio
import msgspec
from anyio.abc import UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from orchestrator.errors import OrchestratorError
from orchestrator.event_log.jetstream import JetStreamLog, open_jetstream
from orchestrator.event_log.port import Draft, EventLog, LogEnd, Message
from orchestrator.files.store import LocalFileStore
from orchestrator.writer.commands import Answered
from orchestrator.writer.duties import Leases
from orchestrator.writer.nats_link import ForwardToLeader, LeaderPing, NatsLink
from orchestrator.writer.office import Office, OfficeSettings
from orchestrator.writer.reports import Reports, Transfers
from projections.projector import Projector
from tests.examples import configure
from tests.integration.takeovers.talk import (
    LONGEST_LINE,
    Attempted,
    Call,
    decode_call,
    encode_reply,
)

VERSION = "0.1.0"
# No client of a drill sends heartbeats.
_LEASES = Leases(lease_us=3_600_000_000)


class NotedLog(EventLog):
    """Notes what is about to be written: afterwards it is known who wrote what."""

    def __init__(self, log: EventLog, journal: Path) -> None:
        self._log = log
        self._journal = journal.open("ab", buffering=0)

    @override
    async def append(self, drafts: Sequence[Draft], *, expected: int) -> int:
        digests = tuple(zlib.crc32(draft.data) for draft in drafts)
        attempted = Attempted(expected, digests)
        self._journal.write(msgspec.json.encode(attempted) + b"\n")
        return await self._log.append(drafts, expected=expected)

    @override
    def follow(
        self, after: int, subjects: Sequence[str] = (">",)
    ) -> AsyncIterator[Sequence[Message]]:
        return self._log.follow(after, subjects)

    @override
    async def end(self) -> LogEnd:
        return await self._log.end()

    @override
    async def read(self, position: int) -> Message | None:
        return await self._log.read(position)


class Ears:
    """Takes commands from the socket and sends their outcomes back."""

    def __init__(self, office: Office, stream: UNIXSocketStream) -> None:
        self._office = office
        self._stream = stream
        self._sending = anyio.Lock()

    async def listen(self) -> None:
        """Answer until the drill hangs up."""
        lines = BufferedByteReceiveStream(self._stream)
        async with anyio.create_task_group() as tasks:
            with contextlib.suppress(anyio.EndOfStream, anyio.IncompleteRead):
                while True:
                    line = await lines.receive_until(b"\n", LONGEST_LINE)
                    tasks.start_soon(self._answer, decode_call(line))
            tasks.cancel_scope.cancel()

    async def _answer(self, call: Call) -> None:
        try:
            outcome: Answered | OrchestratorError = await self._office.ask(call.asked)
        except OrchestratorError as error:
            outcome = error
        async with self._sending:
            await self._stream.send(encode_reply(call.number, outcome))


async def main(name: str, url: str, replicas: str, directory: Path, fd: int) -> None:
    """Take part until the drill hangs up."""
    stream = await UNIXSocketStream.from_socket(socket.socket(fileno=fd))
    async with (
        open_jetstream(url, replicas=int(replicas), name=name) as log,
        _open_projector(directory / "rows.duckdb") as projector,
        anyio.create_task_group() as tasks,
    ):
        office = _office(name, log, projector, directory / "journal")
        store = LocalFileStore(directory / "files")
        reports = Reports(office, Transfers(store=store, secret=b"drill"))
        tasks.start_soon(log.connection.watch)
        tasks.start_soon(projector.run)
        tasks.start_soon(office.run)
        tasks.start_soon(NatsLink(log.connection, office, reports).run)
        await Ears(office, stream).listen()
        tasks.cancel_scope.cancel()


def _office(name: str, log: JetStreamLog, projector: Projector, notes: Path) -> Office:
    connection = log.connection
    return Office(
        NotedLog(log, notes),
        projector,
        LeaderPing(connection),
        OfficeSettings(
            server_id=name,
            version=VERSION,
            leases=_LEASES,
            declared=(configure(runs_per_user=3, max_runs=10),),
            # Two unanswered pings are enough: a drill is over sooner.
            silence_seconds=0.5,
            longest_wait_seconds=0,
        ),
        lambda: connection.is_connected,
        ForwardToLeader(connection),
    )


@contextlib.asynccontextmanager
async def _open_projector(path: Path) -> AsyncGenerator[Projector]:
    projector = await Projector.open(path)
    try:
        yield projector
    finally:
        await projector.close()


if __name__ == "__main__":
    server, nats, monitoring = sys.argv[1:4]
    anyio.run(main, server, nats, monitoring, Path(sys.argv[4]), int(sys.argv[5]))
