"""A writer without a log: decides, folds what it decided, plans, and does its duties."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import structs

from orchestrator import codec
from orchestrator.domain.commands import Asked, Command, ConfigureService, JoinClient
from orchestrator.domain.events import Event, JobAssigned, Recorded
from orchestrator.domain.ids import (
    ClientId,
    CommandId,
    JobId,
    Position,
    ServiceName,
    UserId,
)
from orchestrator.domain.job import Assigned, Queued, Running
from orchestrator.domain.principal import ORCHESTRATOR, Principal
from orchestrator.writer.decide import decide
from orchestrator.writer.duties import stops
from orchestrator.writer.plan import plan_next
from orchestrator.writer.state import WriterState
from tests.examples import (
    CLIENT,
    ECHO,
    OPERATOR,
    PORTAL,
    T0,
    ended,
    join,
    started,
    submit,
)

VERSION = "0.1.0"
NOBODY_ASKED = CommandId("")


class World:
    """One writer's state, and every event that made it."""

    def __init__(self, state: WriterState | None = None) -> None:
        self.state = state or WriterState()
        self.log: list[tuple[Position, Recorded[Event]]] = []
        self.now: datetime = self.state.at or T0

    def ask(
        self,
        command: Command,
        by: Principal = PORTAL,
        command_id: str = "",
    ) -> Sequence[Event]:
        """Return what a command caused; it is raised when it was refused."""
        asked = Asked(command_id=CommandId(command_id), by=by, command=command)
        if self.state.commands.position_of(asked.command_id) is not None:
            return ()
        events = decide(asked, self.state, version=VERSION)
        self.record(events, by, asked.command_id)
        return events

    def settle(self) -> list[JobAssigned]:
        """Do what is owed, and return the assignments in their order."""
        self.record(stops(self.state), ORCHESTRATOR)
        made: list[JobAssigned] = []
        while assignment := self.assign_one():
            made.append(assignment)
        return made

    def assign_one(self) -> JobAssigned | None:
        """Make the next assignment that can be made."""
        assignment = plan_next(self.state, self.now)
        if assignment is not None:
            self.record([assignment], ORCHESTRATOR)
        return assignment

    def record(
        self,
        events: Iterable[Event],
        by: Principal,
        command_id: CommandId = NOBODY_ASKED,
    ) -> None:
        """Fold events as they come back from the log: as bytes."""
        for event in events:
            self.now += timedelta(milliseconds=1)
            position = self.state.position + 1
            written: Recorded[Event] = Recorded(
                at=self.now, by=by.id, command_id=command_id, event=event
            )
            read = codec.decode(codec.encode(written), position=position)
            assert read == written
            self.log.append((position, read))
            self.state.fold(position, read)


class Bench(World):
    """A world in words: services, clients with slots, users with jobs."""

    def service(
        self, name: str = ECHO, *, runs_per_user: int = 1_000, max_runs: int = 1_000
    ) -> None:
        self.ask(
            ConfigureService(
                service=ServiceName(name),
                runs_per_user=runs_per_user,
                max_runs=max_runs,
                source="api",
            ),
            OPERATOR,
        )

    def client(self, name: str = CLIENT, *services: str, slots: int = 1) -> None:
        offer = join(ClientId(name), slots)
        self.ask(
            JoinClient(
                client_id=offer.client_id,
                incarnation=offer.incarnation,
                name=offer.name,
                version=offer.version,
                protocol=offer.protocol,
                slots=slots,
                services=tuple(map(ServiceName, services)),
            )
        )

    def submit(self, user: str, *jobs: str, service: str = ECHO) -> None:
        for job in jobs:
            wanted = submit(JobId(job), UserId(user))
            self.ask(structs.replace(wanted, service=ServiceName(service)))

    def assigned(self) -> list[str]:
        """Do what is owed; return the jobs that were assigned, in order."""
        return [made.job_id for made in self.settle()]

    def finish(self, *jobs: str) -> None:
        """Have jobs that were assigned claimed and completed."""
        for job in jobs:
            held = self.state.live[JobId(job)]
            assert isinstance(held, Assigned)
            claim = started(attempt=held.attempt)
            identity = {"job_id": JobId(job), "client_id": held.client_id}
            self.ask(structs.replace(claim, **identity))
            self.ask(structs.replace(ended(attempt=held.attempt), **identity))

    def play(self) -> list[str]:
        """Assign and finish until nothing moves; return the jobs in order."""
        order: list[str] = []
        while made := self.assigned():
            order += made
            self.finish(*made)
        return order


def runnable(state: WriterState) -> list[JobId]:
    """Return the queued jobs that could run now: naively, from scratch."""
    held = [job for job in state.live.values() if not isinstance(job, Queued)]
    return [
        job.facts.job_id
        for job in state.live.values()
        if isinstance(job, Queued) and _has_room(state, held, job)
    ]


def _has_room(
    state: WriterState, held: Sequence[Assigned | Running], job: Queued
) -> bool:
    service, user = job.facts.service, job.facts.user
    policy = state.queue.policies[service]
    same = [other for other in held if other.facts.service == service]
    mine = [other for other in same if other.facts.user == user]
    free = any(
        client.serves(service)
        and sum(other.client_id == client.client_id for other in held) < client.slots
        for client in state.clients.joined.values()
    )
    return free and len(same) < policy.max_runs and len(mine) < policy.runs_per_user
