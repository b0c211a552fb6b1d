"""Everything the writer decides on: the exact fold of a prefix of the log."""

from typing import assert_never

from orchestrator.domain import job as jobs, service as services
from orchestrator.domain.events import (
    AttemptLost,
    ClientJoined,
    ClientLeft,
    ClientLost,
    Event,
    JobAssigned,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobImported,
    JobStarted,
    JobStopRequested,
    JobSubmitted,
    Recorded,
    ServiceConfigured,
    ServiceRetired,
    WriterElected,
)
from orchestrator.domain.ids import ClientId, JobId, Position, Timestamp
from orchestrator.domain.job import (
    Assigned,
    Ended,
    JobState,
    LiveState,
    Queued,
    Running,
)
from orchestrator.writer.memory_of_commands import CommandMemory
from orchestrator.writer.numbers import Numbers
from projections.state.clients import ClientsState
from projections.state.queue import QueueState
from projections.state.quota import QuotaState


class WriterState:
    """Live jobs, queues, quotas, services and clients at a position.

    Changed only by `fold`. Ended jobs stay at hand until `forget_ended`; that is a
    cache and no part of the state: a snapshot leaves it out.
    """

    def __init__(self) -> None:
        self.position: Position = 0
        self.at: Timestamp | None = None
        self.term: Position = 0
        self.term_began: Timestamp | None = None
        self.leader: str = ""
        self.numbers = Numbers()
        self.live: dict[JobId, LiveState] = {}
        self.ended: dict[JobId, tuple[Ended, Position]] = {}
        self.quota = QuotaState()
        self.queue = QueueState(self.quota)
        self.clients = ClientsState()
        self.commands = CommandMemory()
        # Running jobs whose client has yet to be told to stop: a level that is owed.
        self.stops_owed: dict[JobId, None] = {}

    def job(self, job_id: JobId) -> JobState:
        """Return a job's state; Unknown where memory has none."""
        if job_id in self.live:
            return self.live[job_id]
        ended = self.ended.get(job_id)
        return ended[0] if ended else jobs.Unknown()

    def forget_ended(self, up_to: Position) -> None:
        """Drop ended jobs whose last event the read model has stored."""
        while self.ended:
            job_id, (_, position) = next(iter(self.ended.items()))
            if position > up_to:
                return
            del self.ended[job_id]

    def fold(self, position: Position, recorded: Recorded[Event]) -> None:
        """Take in the event at the next position."""
        self.position = position
        self.at = recorded.at
        self.commands.remember(position, recorded)
        event = recorded.event
        match event:
            case WriterElected():
                self.term, self.leader = position, event.server_id
                self.term_began = recorded.at
            case ServiceConfigured() | ServiceRetired():
                policy = self.queue.policies.get(event.service)
                self.queue.configure(services.evolve(policy, event))
            case ClientJoined() | ClientLeft() | ClientLost():
                self.clients.fold(event)
            case _:
                self._fold_job(position, event, recorded.at)

    def _fold_job(self, position: Position, event: JobEvent, at: Timestamp) -> None:
        before = self.job(event.job_id)
        after = jobs.evolve(before, event, at)
        if isinstance(after, Queued | Assigned | Running):
            self.live[event.job_id] = after
        elif isinstance(after, Ended):
            self.live.pop(event.job_id, None)
            self.ended[event.job_id] = (after, position)
        match event:
            case JobSubmitted():
                self._submitted(event)
            case JobImported():
                self._imported(event, after)
            case JobAssigned():
                self._assigned(position, event)
            case AttemptLost():
                self._released(before, event.job_id, returns=True)
            case JobCompleted() | JobFailed() | JobCancelled():
                self._released(before, event.job_id, returns=False)
            case JobCancelRequested():
                self.stops_owed[event.job_id] = None
            case JobStopRequested():
                self.stops_owed.pop(event.job_id, None)
                self._delivered(event.client_id, position)
            case JobStarted():
                pass
            case _:
                assert_never(event)

    def _submitted(self, event: JobSubmitted) -> None:
        self.numbers.submitted(event.number)
        if event.violation is None:
            self.queue.add(event.service, event.user, event.job_id)

    def _imported(self, event: JobImported, after: JobState) -> None:
        self.numbers.imported(event.number)
        if isinstance(after, Queued):
            self.queue.add(event.service, event.user, event.job_id)

    def _assigned(self, position: Position, event: JobAssigned) -> None:
        service, user, reason = event.service, event.user, event.reason
        self.quota.take(service, user)
        # Charge before the lane may empty: what it owes must be remembered then.
        self.queue.charge(service, user, reason)
        self.queue.remove(service, user, event.job_id)
        self.clients.take(event.client_id, event.job_id, event.attempt)
        self._delivered(event.client_id, position)

    def _delivered(self, client_id: ClientId, position: Position) -> None:
        if client_id in self.clients.joined:
            self.clients.newest_assignment[client_id] = position

    def _released(self, before: JobState, job_id: JobId, *, returns: bool) -> None:
        """A live job left the queue, or its attempt its client."""
        self.stops_owed.pop(job_id, None)
        if not isinstance(before, Queued | Assigned | Running):
            return
        service, user = before.facts.service, before.facts.user
        if isinstance(before, Queued):
            self.queue.remove(service, user, job_id)
            return
        self.quota.release(service, user)
        self.clients.release(before.client_id, job_id)
        if returns:
            self.queue.put_back(service, user, job_id)
        else:
            self.queue.rearm(service, user)
