"""The writer's state as bytes and back: the same state gives the same bytes."""

import msgspec
from msgspec import Struct

from orchestrator.domain.client import ClientState
from orchestrator.domain.fair_queue import FairQueue
from orchestrator.domain.ids import (
    ClientId,
    CommandId,
    JobId,
    Position,
    ServiceName,
    Timestamp,
    UserId,
)
from orchestrator.domain.job import Assigned, LiveState, Running
from orchestrator.domain.service import ServicePolicy
from orchestrator.writer.state import WriterState
from projections.state.queue import ServiceQueue


class _Fair[K: str](Struct, frozen=True, kw_only=True):
    virtual_time: int
    tags: dict[K, int]


class _Lane(Struct, frozen=True, kw_only=True):
    user: UserId
    waiting: tuple[JobId, ...]


class _Queue(Struct, frozen=True, kw_only=True):
    service: ServiceName
    fair: _Fair[UserId]
    lanes: tuple[_Lane, ...]


class _Client(Struct, frozen=True, kw_only=True):
    state: ClientState
    newest_assignment: Position


class _Held(Struct, frozen=True, kw_only=True):
    client_id: ClientId
    attempts: tuple[tuple[JobId, int], ...]


class _Snapshot(Struct, frozen=True, kw_only=True):
    format: int
    position: Position
    at: Timestamp | None
    term: Position
    term_began: Timestamp | None
    leader: str
    next_number: int
    live: tuple[LiveState, ...]
    policies: tuple[ServicePolicy, ...]
    services_fair: _Fair[ServiceName]
    queues: tuple[_Queue, ...]
    clients: tuple[_Client, ...]
    held: tuple[_Held, ...]
    commands: list[tuple[Timestamp, CommandId, Position]]


# Another format is another fold: a snapshot of the old one is not read.
FORMAT = 1

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(_Snapshot)


def take(state: WriterState) -> bytes:
    """Return the state as canonical bytes: sorted, nothing lazily deleted."""
    queue, clients = state.queue, state.clients
    joined = sorted(clients.joined.items())
    return _ENCODER.encode(
        _Snapshot(
            format=FORMAT,
            position=state.position,
            at=state.at,
            term=state.term,
            term_began=state.term_began,
            leader=state.leader,
            next_number=state.next_number,
            live=tuple(job for _, job in sorted(state.live.items())),
            policies=tuple(policy for _, policy in sorted(queue.policies.items())),
            services_fair=_fair(queue.fair),
            queues=tuple(
                _Queue(
                    service=service,
                    fair=_fair(waiting.fair),
                    lanes=tuple(
                        _Lane(user=user, waiting=tuple(lane))
                        for user, lane in sorted(waiting.lanes.items())
                    ),
                )
                for service, waiting in sorted(queue.queues.items())
            ),
            clients=tuple(
                _Client(
                    state=client,
                    newest_assignment=clients.newest_assignment.get(client_id, 0),
                )
                for client_id, client in joined
            ),
            held=tuple(
                _Held(client_id=client_id, attempts=tuple(attempts.items()))
                for client_id, attempts in clients.all_held()
            ),
            commands=state.commands.entries(),
        ),
    )


def _fair[K: str](fair: FairQueue[K]) -> _Fair[K]:
    return _Fair(virtual_time=fair.virtual_time, tags=fair.debts())


def restore(data: bytes) -> WriterState | None:
    """Return the state that `take` was given; nothing for another format."""
    try:
        snapshot = _DECODER.decode(data)
    except msgspec.MsgspecError:
        return None
    if snapshot.format != FORMAT:
        return None
    state = WriterState()
    state.position, state.at = snapshot.position, snapshot.at
    state.term, state.term_began = snapshot.term, snapshot.term_began
    state.leader, state.next_number = snapshot.leader, snapshot.next_number
    _restore_jobs(state, snapshot)
    _restore_clients(state, snapshot)
    _restore_queues(state, snapshot)
    state.commands.restore(snapshot.commands)
    return state


def _restore_jobs(state: WriterState, snapshot: _Snapshot) -> None:
    for job in snapshot.live:
        state.live[job.facts.job_id] = job
        if isinstance(job, Assigned | Running):
            state.quota.take(job.facts.service, job.facts.user)
        if isinstance(job, Running) and job.cancel_requested > job.stop_requested:
            state.stops_owed[job.facts.job_id] = None


def _restore_clients(state: WriterState, snapshot: _Snapshot) -> None:
    for client in snapshot.clients:
        client_id = client.state.client_id
        state.clients.joined[client_id] = client.state
        if client.newest_assignment:
            state.clients.newest_assignment[client_id] = client.newest_assignment
    for held in snapshot.held:
        for job_id, attempt in held.attempts:
            state.clients.take(held.client_id, job_id, attempt)
    for client in snapshot.clients:
        state.clients.count_room(client.state.client_id)


def _restore_queues(state: WriterState, snapshot: _Snapshot) -> None:
    queue = state.queue
    backlogged = [saved.service for saved in snapshot.queues if saved.lanes]
    queue.fair = _fair_of(snapshot.services_fair, backlogged)
    for saved in snapshot.queues:
        users = [lane.user for lane in saved.lanes]
        waiting = ServiceQueue(_fair_of(saved.fair, users))
        queue.queues[saved.service] = waiting
        for lane in saved.lanes:
            for job_id in lane.waiting:
                waiting.add(lane.user, job_id)
    for policy in snapshot.policies:
        queue.configure(policy)


def _fair_of[K: str](saved: _Fair[K], active: list[K]) -> FairQueue[K]:
    return FairQueue(saved.virtual_time, saved.tags, active)
