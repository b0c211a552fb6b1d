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
from orchestrator.errors import (
    LogUnreachableError,
    NotLeadingError,
    OutcomeUnknownError,
)
from orchestrator.event_log.port import EventLog, Message
from orchestrator.writer import snapshot
from orchestrator.writer.commands import Answered, Commands, Leadership, Role
from orchestrator.writer.duties import Leases
from orchestrator.writer.election import Election, PingLeader
from orchestrator.writer.lead import Lead
from orchestrator.writer.lead_signals import EventFollowed
from orchestrator.writer.leader import Leader
from orchestrator.writer.snapshots import SnapshotSchedule
from orchestrator.writer.state import WriterState
from projections.projection import Folded
from projections.projector import Projector

logger = structlog.stdlib.get_logger()

# A command is asked again of the next leader for so long.
_DEADLINE_SECONDS = 10.0
_ASK_AGAIN_SECONDS = 0.5


class OfficeSettings(Struct, frozen=True, kw_only=True):
    """Who this server is, and what it does when it leads."""

    server_id: str
    version: str
    leases: Leases = Leases()
    # Without any, services stay as the log has them.
    declared: Sequence[ConfigureService] | None = None


class Office(Commands):
    """The door to the writer on one server; `run` is its task."""

    def __init__(
        self,
        log: EventLog,
        projector: Projector,
        ping: PingLeader,
        settings: OfficeSettings,
        is_connected: Callable[[], bool],
    ) -> None:
        self._log = log
        self._is_connected = is_connected
        self._projector = projector
        self._ping = ping
        self._settings = settings
        self._state = WriterState()
        self._snapshots = SnapshotSchedule(projector)
        self._leader: Leader | None = None
        self._election: Election | None = None
        self._leads = anyio.Event()
        self._acknowledged: Position = 0

    # -- asking ---------------------------------------------------------------

    @override
    async def ask(self, asked: Asked) -> Answered:
        """Have a command decided and stored; see `Commands.ask`."""
        in_doubt = False
        with anyio.move_on_after(_DEADLINE_SECONDS):
            while True:
                try:
                    return await self._ask_leader(asked)
                except OutcomeUnknownError:
                    in_doubt = True
                except NotLeadingError:
                    with anyio.move_on_after(_ASK_AGAIN_SECONDS):
                        await self._leads.wait()
        if in_doubt:
            raise OutcomeUnknownError
        raise NotLeadingError

    async def _ask_leader(self, asked: Asked) -> Answered:
        leader = self._leader
        if leader is None:
            raise NotLeadingError
        return await leader.ask(asked)

    @override
    def leadership(self) -> Leadership:
        """Return this server's part at the moment."""
        role, reasons = self._role()
        return Leadership(
            role=role,
            term=self._state.term,
            position=self._acknowledged,
            server_id=self._settings.server_id,
            reasons=reasons,
        )

    def _role(self) -> tuple[Role, tuple[str, ...]]:
        if not self._is_connected():
            return "cut_off", ("NATS is out of reach",)
        if self._leader is not None:
            return "leading", ()
        if self._election is not None:
            return "standing_by", ()
        return "starting", ("it still reads the log",)

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
                    await anyio.sleep(_ASK_AGAIN_SECONDS)
        finally:
            self._snapshots.take_last(self._state, self._acknowledged)

    async def _one_round(self) -> None:
        end = await self._log.end()
        self._state = await self._load_state()
        self._acknowledged = self._state.position
        self._snapshots.begin(self._state.position)
        caught_up = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow, end.position, caught_up)
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
            await self._projector.fold(folded)
            self._housekeep()
            if batch[-1].position >= end:
                caught_up.set()

    def _take_in(self, position: Position, recorded: Recorded[Event]) -> None:
        if self._leader is not None:
            self._leader.step(EventFollowed(position, recorded))
        elif position > self._state.position:
            self._state.fold(position, recorded)
            self._acknowledged = position
            if self._election and isinstance(recorded.event, WriterElected):
                self._election.term_began(position)

    async def _stand_by(self) -> None:
        """Return after having led, or after an election that was overtaken."""
        self._election = Election(
            self._state,
            self._log,
            self._ping,
            server_id=self._settings.server_id,
            version=self._settings.version,
        )
        try:
            won = await self._election.win()
        finally:
            self._election = None
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
        leader = Leader(lead, self._log, self._housekeep)
        logger.info("writer.leads", term=self._state.term)
        self._leader = leader
        self._leads.set()
        try:
            await leader.run()
        finally:
            self._leader = None
            self._leads = anyio.Event()
        logger.warning("writer.stepped_down", why=leader.stepped_down_because)

    def _housekeep(self) -> None:
        if self._leader is not None:
            self._acknowledged = self._leader.lead.acknowledged
        self._state.forget_ended(self._projector.flushed_position)
        self._snapshots.offer(self._state, self._acknowledged)


def _decoded(message: Message) -> Folded:
    recorded = codec.decode(message.data, position=message.position)
    return message.position, recorded, message.data
