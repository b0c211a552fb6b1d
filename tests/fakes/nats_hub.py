"""A hub on a real nats-server: it assigns over JetStream and answers reports."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import RePublish, StreamConfig

from clients.inputs import AttemptKey
from orchestrator.codec import encode as encode_event
from orchestrator.domain.events import (
    Event,
    JobAssigned,
    JobStopRequested,
    Recorded,
)
from orchestrator.domain.ids import (
    ClientId,
    CommandId,
    PrincipalId,
    ServiceName,
    UserId,
)
from orchestrator.domain.subjects import subject_of
from orchestrator.nats_connection import connect
from orchestrator.wire import (
    HEARTBEAT_DECODER,
    REPORT_DECODER,
    Heartbeat,
    HeartbeatAnswer,
    Report,
    encode,
)
from tests.examples import REASON
from tests.fakes.hub_rules import HubRules

HADDOCK = ServiceName("haddock")
PASSWORD = "not a secret"  # noqa: S105 - only on this machine, only in tests
# What the two users of a hub may do.
USERS = f"""
authorization {{
  users: [
    {{ user: server, password: '{PASSWORD}' }}
    {{ user: client, password: '{PASSWORD}', permissions: {{
        publish: {{ allow: ["reports.>", "heartbeats.>"] }}
        subscribe: {{ allow: ["_INBOX.>", "log.assignments.>", "collect.>"] }}
    }} }}
  ]
}}
"""
_STREAM = StreamConfig(
    name="HUB",
    subjects=["assignments.>"],
    republish=RePublish(src=">", dest="log.>"),
)


class NatsHub:
    """One client's hub."""

    def __init__(self, jetstream: JetStreamContext) -> None:
        self.rules = HubRules(writes_events=False)
        self.heartbeats: list[Heartbeat] = []
        self.reports: list[Report] = []
        self.silent = False
        self.answers_heartbeats = True
        self._jetstream = jetstream
        self._changed = anyio.Event()

    @property
    def client_id(self) -> ClientId:
        """Return who joined."""
        return self.rules.joined[-1].client_id

    async def assign(self, key: AttemptKey) -> None:
        """Give an attempt to the client that joined."""
        # The claim may come before the stream's answer does.
        self.rules.assign(key)
        event = JobAssigned(
            job_id=key[0],
            service=HADDOCK,
            user=UserId("ada"),
            client_id=self.client_id,
            attempt=key[1],
            reason=REASON,
        )
        await self._store(event)

    async def assign_unseen(self, key: AttemptKey) -> None:
        """Give it an attempt, and let the message get lost on its way."""
        await self._jetstream.update_stream(_STREAM.evolve(republish=None))
        await self.assign(key)
        await self._jetstream.update_stream(_STREAM)

    async def request_stop(self, key: AttemptKey) -> None:
        """Ask for the end of an attempt."""
        self.rules.request_stop(key)
        event = JobStopRequested(
            job_id=key[0], service=HADDOCK, client_id=self.client_id, attempt=key[1]
        )
        await self._store(event)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return once this holds."""
        with anyio.fail_after(20):
            while not is_so():
                await self._changed.wait()

    async def until_state(self, key: AttemptKey, state: str) -> None:
        """Return once the log knows an attempt in this state."""
        await self.until(lambda: self.rules.attempts[key].state == state)

    async def on_report(self, message: Msg) -> None:
        """Take a report into the log, and answer."""
        report = REPORT_DECODER.decode(message.data)
        self.reports.append(report)
        if not self.silent:
            await message.respond(encode(self.rules.answer(report)))
        self._tell()

    async def on_heartbeat(self, message: Msg) -> None:
        """Note a heartbeat, and answer."""
        self.heartbeats.append(HEARTBEAT_DECODER.decode(message.data))
        if self.answers_heartbeats and not self.silent:
            newest = max((g.position for g in self.rules.attempts.values()), default=0)
            answer = HeartbeatAnswer(assignment_position=newest, known=self.rules.known)
            await message.respond(encode(answer))
        self._tell()

    async def _store(self, event: Event) -> None:
        recorded = Recorded[Event](
            at=datetime(2026, 1, 1, tzinfo=UTC),
            by=PrincipalId("orchestrator"),
            command_id=CommandId("plan"),
            event=event,
        )
        stored = await self._jetstream.publish(
            subject_of(event), encode_event(recorded)
        )
        assert stored.seq == self.rules.position, "the hub alone writes"

    def _tell(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


@asynccontextmanager
async def open_hub(url: str) -> AsyncGenerator[NatsHub]:
    """Return a context with a hub on a server that has its `USERS`."""
    async with connect(url, name="hub", user="server", password=PASSWORD) as connection:
        jetstream = connection.client.jetstream()
        await jetstream.add_stream(_STREAM)
        hub = NatsHub(jetstream)
        await connection.client.subscribe("reports.*", cb=hub.on_report)
        await connection.client.subscribe("heartbeats.*", cb=hub.on_heartbeat)
        await connection.client.flush()
        yield hub
