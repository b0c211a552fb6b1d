"""This server's part in writing the log: it follows, stands, leads, and begins again."""

from collections.abc import Callable, Sequence
from typing import override

import anyio
import structlog
from msgspec import Struct

from orchestrator import clock, codec
from orchestrator.domain.commands import Asked, ConfigureService
from orchestrator.domain.events import Event, Recorded, WriterElected
from orchestrator.domain.ids import JobId, Position
from orchestrator.domain.job import JobState, Queued, Unknown
from orchestrator.errors import LogUnreachableError, NotLeadingError
from orchestrator.event_log.port import EventLog, Message
from orchestrator.writer import archive, snapshot
from orchestrator.writer.asking import Asking
from orchestrator.writer.candidate import Candidate
from orchestrator.writer.commands import Answered, Commands, Leadership, Role
from orchestrator.writer.declared import differences
from orchestrator.writer.duties import Leases
from orchestrator.writer.election import Election, PingLeader
from orchestrator.writer.forwarding import Forward
from orchestrator.writer.lead import Lead
from orchestrator.writer.lead_signals import EventFollowed
from orchestrator.writer.leader import Leader
from orchestrator.writer.narration import narrate
from orchestrator.writer.snapshots import SnapshotSchedule
from orchestrator.writer.state import WriterState
from projections.projection import Folded
from projections.projector import Projector

logger = structlog.stdlib.get_logger()

_TRY_AGAIN_SECONDS = 0.5
# So long after the log's own word, nobody else is taken to have been elected.
_PROOF_US = 1_000_000


class OfficeSettings(Struct, frozen=True, kw_only=True):
    """Who this server is, and what it does when it leads."""

    server_id: str
    version: str
    leases: Leases = Leases()
    # Without any, services stay as the log has them.
    declared: Sequence[ConfigureService] | None = None
    # A command is asked again of the next leader for so long.
    deadline_seconds: float = 10.0
    # A leader that is silent for so long is deposed, and while terms are short a
    # candidate waits longer each time, up to so long.
    silence_seconds: float = 3.0
    longest_wait_seconds: float = 30.0


async def _nowhere(_term: Position, _asked: Asked) -> Answered:
    raise NotLeadingError


class Office(Commands):
    """The door to the writer on one server; `run` is its task."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a server
        self,
        log: EventLog,
        projector: Projector,
        ping: PingLeader,
        settings: OfficeSettings,
        is_connected: Callable[[], bool],
        forward: Forward = _nowhere,
    ) -> None:
        self._log = log
        self._is_connected = is_connected
        self._projector = projector
        self._ping = ping
        self._settings = settings
        self._state = WriterState()
        # Whether the state is the log's prefix that the follower has come to. Once we
        # have led it is not: thrown away, and nothing is folded on it any more.
        self._follows = False
        self._snapshots = SnapshotSchedule(projector)
        self._leader: Leader | None = None
        self._election: Election | None = None
        self._candidate = Candidate(
            silence_us=int(settings.silence_seconds * 1_000_000),
            longest_wait_us=int(settings.longest_wait_seconds * 1_000_000),
        )
        self._leads = anyio.Event()
        self._asking = Asking(forward, deadline_seconds=settings.deadline_seconds)
        self._acknowledged: Position = 0

    # -- asking ---------------------------------------------------------------

    @override
    async def ask(self, asked: Asked) -> Answered:
        """Have a command decided and stored; see `Commands.ask`."""
        return await self._asking.ask(asked)

    @override
    def leadership(self) -> Leadership:
        """Return this server's part at the moment."""
        role, reasons = self._role()
        return Leadership(
            role=role,
            term=self._state.term,
            position=self._acknowledged,
            server_id=self._settings.server_id,
            proven=role == "leading" and self._was_proved_lately(),
            reasons=reasons,
        )

    def _was_proved_lately(self) -> bool:
        proved_at_us = self._leader.proved_at_us if self._leader else None
        if proved_at_us is None:
            return False
        return clock.now().monotonic_us - proved_at_us < _PROOF_US

    def _role(self) -> tuple[Role, tuple[str, ...]]:
        if not self._is_connected():
            return "cut_off", ("NATS is out of reach",)
        if self._leader is not None:
            return "leading", ()
        if self._election is not None:
            return "standing_by", ()
        return "starting", ("it still reads the log",)

    def warnings(self) -> tuple[str, ...]:
        """Return what an operator should look at although the server is ready."""
        if self._leader is None and self._election is None:
            return ()  # the log has not been read to its end
        return differences(self._state, self._settings.declared or ())

    @override
    def queue_position(self, job_id: JobId) -> int | None:
        """Return how many assignments of its service come first, plus one."""
        job = self._state.job(job_id)
        if not isinstance(job, Queued):
            return None
        queue = self._state.queue.of(job.facts.service)
        return queue.position(job.facts.user, job_id)

    # -- what a leading server's links use --------------------------------------

    @property
    def leader(self) -> Leader | None:
        """The leader, while it is this server."""
        return self._leader

    async def leads(self) -> Leader:
        """Return once this server leads."""
        while self._leader is None:
            await self._leads.wait()
        return self._leader

    def job(self, job_id: JobId) -> JobState:
        """Return a job's state as the writer has it; Unknown when not in memory."""
        return self._state.job(job_id)

    def remembers(self, job_id: JobId) -> bool:
        """Say whether a job is in memory; else it must be looked up in the rows."""
        return not isinstance(self._state.job(job_id), Unknown)

    # -- running --------------------------------------------------------------

    async def run(self) -> None:
        """Take part until cancelled: one round from following to stepping down."""
        try:
            while True:
                try:
                    await self._one_round()
                except LogUnreachableError as error:
                    logger.warning("log.unreachable", why=str(error))
                    await anyio.sleep(_TRY_AGAIN_SECONDS)
        finally:
            self._snapshots.take_last(self._state, self._acknowledged)

    async def _one_round(self) -> None:
        end = await self._log.end()
        self._state = await self._load_state()
        self._acknowledged = self._state.position
        self._follows = True
        self._snapshots.begin(self._state.position)
        caught_up = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow, end.position, caught_up)
            tasks.start_soon(self._snapshots.run)
            await caught_up.wait()
            await self._stand_by()
            tasks.cancel_scope.cancel()

    async def _load_state(self) -> WriterState:
        saved = await self._projector.load_snapshot()
        state = snapshot.restore(saved[1]) if saved else None
        return state or WriterState()

    async def _follow(self, end: Position, caught_up: anyio.Event) -> None:
        after = self._state.position
        if after >= end:
            caught_up.set()
        async for batch in self._log.follow(after):
            folded = [_decoded(message) for message in batch]
            for position, recorded, _ in folded:
                self._take_in(position, recorded)
                if self._leader is not None:
                    narrate(position, recorded.event)
            await self._projector.fold(folded)
            self._housekeep()
            if batch[-1].position >= end:
                caught_up.set()

    def _take_in(self, position: Position, recorded: Recorded[Event]) -> None:
        if self._leader is not None:
            self._leader.step(EventFollowed(position, recorded))
        elif self._follows and position > self._state.position:
            self._state.fold(position, recorded)
            self._acknowledged = position
            if self._election and isinstance(recorded.event, WriterElected):
                self._election.term_began(position)
                self._asking.turn(term=position)

    async def _stand_by(self) -> None:
        """Return after having led, or after an election that was overtaken."""
        self._election = Election(
            self._state,
            self._log,
            self._ping,
            self._candidate,
            server_id=self._settings.server_id,
            version=self._settings.version,
        )
        self._asking.turn(term=self._state.term)
        try:
            won = await self._election.win()
        finally:
            self._election = None
            self._asking.turn()
        # The follower may have brought it already, or even somebody else's after it.
        if self._state.position < won.position:
            self._take_in(won.position, won.recorded)
        if self._state.term == won.position:
            await self._lead()

    async def _lead(self) -> None:
        lead = Lead(
            self._state,
            now=clock.now(),
            version=self._settings.version,
            leases=self._settings.leases,
            declared=self._settings.declared,
        )
        leader = Leader(lead, self._log, self._housekeep, self._complete)
        logger.info("writer.leads", term=self._state.term)
        self._leader, self._follows = leader, False
        self._leads.set()
        self._asking.turn(leader=leader)
        await leader.run()
        logger.warning("writer.stepped_down", why=leader.stepped_down_because)

    def _resign(self) -> None:
        # At once, although a write of ours may be under way for seconds yet.
        self._leader = None
        self._leads = anyio.Event()
        self._asking.turn()

    async def _complete(self, asked: Asked) -> Asked:
        return await archive.complete(asked, self._projector, self.remembers)

    def _housekeep(self) -> None:
        if self._leader is not None:
            self._acknowledged = self._leader.lead.acknowledged
            if self._leader.is_over:
                self._resign()
        self._state.forget_ended(self._projector.flushed_position)
        self._snapshots.offer(self._state, self._acknowledged)


def _decoded(message: Message) -> Folded:
    recorded = codec.decode(message.data, position=message.position)
    return message.position, recorded, message.data
