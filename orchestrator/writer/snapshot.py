"""The writer's state as bytes and back: the same state gives the same bytes.

In two steps, because a large state takes long to encode: `capture` copies references
and is quick, and what it returns never changes again, so that a thread may encode it
part by part while the writer goes on.
"""

from collections.abc import Iterator, Sequence

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
from orchestrator.writer.memory_of_commands import CommandMemory
from orchestrator.writer.numbers import Numbers
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


class _Head(Struct, frozen=True, kw_only=True):
    format: int
    position: Position
    at: Timestamp | None
    term: Position
    term_began: Timestamp | None
    leader: str
    next_number: int
    free_numbers: tuple[tuple[int, int], ...]
    policies: tuple[ServicePolicy, ...]
    services_fair: _Fair[ServiceName]
    clients: tuple[_Client, ...]
    held: tuple[_Held, ...]


class _Snapshot(_Head, frozen=True, kw_only=True):
    live: tuple[LiveState, ...]
    queues: tuple[_Queue, ...]
    commands: list[tuple[Timestamp, CommandId, Position]]


class _CapturedQueue(Struct, frozen=True, kw_only=True):
    service: ServiceName
    fair: _Fair[UserId]
    lanes: Sequence[tuple[UserId, Sequence[JobId]]]


class Captured(Struct, frozen=True, kw_only=True):
    """A state as it was at a position: nobody changes it any more."""

    head: _Head
    live: Sequence[LiveState]
    queues: Sequence[_CapturedQueue]
    commands: CommandMemory

    @property
    def position(self) -> Position:
        """The last event that is in it."""
        return self.head.position


# Another format is another fold: a snapshot of the old one is not read.
FORMAT = 3

# So many are encoded in one go, in which no other thread runs.
_SLICE = 1_000

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(_Snapshot)


def take(state: WriterState) -> bytes:
    """Return the state as canonical bytes: in one order, nothing lazily deleted."""
    return b"".join(parts(capture(state)))


def capture(state: WriterState) -> Captured:
    """Return what `parts` needs: containers copied, values shared, as they are frozen.

    Jobs stand in the order of their submission, which `live` keeps.
    """
    queue, clients = state.queue, state.clients
    return Captured(
        head=_Head(
            format=FORMAT,
            position=state.position,
            at=state.at,
            term=state.term,
            term_began=state.term_began,
            leader=state.leader,
            next_number=state.numbers.next,
            free_numbers=tuple(state.numbers.gaps),
            policies=tuple(policy for _, policy in sorted(queue.policies.items())),
            services_fair=_fair(queue.fair),
            clients=tuple(
                _Client(
                    state=client,
                    newest_assignment=clients.newest_assignment.get(client_id, 0),
                )
                for client_id, client in sorted(clients.joined.items())
            ),
            held=tuple(
                _Held(client_id=client_id, attempts=tuple(attempts.items()))
                for client_id, attempts in clients.all_held()
            ),
        ),
        live=list(state.live.values()),
        queues=[
            _CapturedQueue(
                service=service,
                fair=_fair(waiting.fair),
                lanes=[(user, list(lane)) for user, lane in waiting.lanes.items()],
            )
            for service, waiting in sorted(queue.queues.items())
        ],
        commands=state.commands.copy(),
    )


def parts(captured: Captured) -> Iterator[bytes]:
    """Yield the canonical bytes piece by piece: each takes about a millisecond."""
    yield _ENCODER.encode(captured.head).removesuffix(b"}")
    yield from _list(b'"live"', captured.live)
    yield from _list(b'"queues"', [_queue(each) for each in captured.queues])
    yield from _list(b'"commands"', captured.commands.entries())
    yield b"}"


def _list(name: bytes, items: Sequence[object]) -> Iterator[bytes]:
    yield b"," + name + b":["
    for start in range(0, len(items), _SLICE):
        comma = b"," if start else b""
        yield comma + _ENCODER.encode(items[start : start + _SLICE])[1:-1]
    yield b"]"


def _queue(captured: _CapturedQueue) -> _Queue:
    return _Queue(
        service=captured.service,
        fair=captured.fair,
        lanes=tuple(
            _Lane(user=user, waiting=tuple(waiting))
            for user, waiting in sorted(captured.lanes)
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
    state.leader = snapshot.leader
    state.numbers = Numbers(snapshot.next_number, snapshot.free_numbers)
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
