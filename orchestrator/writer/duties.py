"""What the leader owes, derived from the state: levels, so nothing is forgotten."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from orchestrator.domain.commands import (
    Command,
    ConfigureService,
    LoseClient,
    RetireService,
)
from orchestrator.domain.events import JobStopRequested
from orchestrator.domain.ids import ClientId
from orchestrator.domain.job import Running
from orchestrator.writer.state import WriterState


class Leases(Struct, frozen=True, kw_only=True):
    """How long a client may be silent before its work is given to others."""

    lease_us: int = 10_000_000
    grace_us: int = 5_000_000


def stops(state: WriterState) -> list[JobStopRequested]:
    """Return what running clients have yet to be told to stop."""
    return [
        JobStopRequested(
            job_id=job_id,
            service=job.facts.service,
            client_id=job.client_id,
            attempt=job.attempt,
        )
        for job_id in sorted(state.stops_owed)  # their order is in no snapshot
        if isinstance(job := state.live[job_id], Running)
    ]


def losses(
    state: WriterState,
    heard: Mapping[ClientId, int],
    now_us: int,
    leases: Leases,
) -> Iterator[LoseClient]:
    """Yield the clients that were silent beyond lease and grace, by id.

    `heard` is the leader's monotonic time of each client's last sign of life.
    """
    limit = leases.lease_us + leases.grace_us
    for client_id, client in sorted(state.clients.joined.items()):
        silent_us = now_us - heard[client_id]
        if silent_us > limit:
            yield LoseClient(
                client_id=client_id,
                incarnation=client.incarnation,
                silent_ms=silent_us // 1_000,
            )


def settings_due(
    state: WriterState,
    declared: Sequence[ConfigureService],
) -> list[Command]:
    """Return what makes the services those that the settings declare."""
    names = {each.service for each in declared}
    retired: list[Command] = [
        RetireService(service=name, source="settings")
        for name, policy in sorted(state.queue.policies.items())
        if name not in names and policy.source == "settings" and not policy.retired
    ]
    return [*declared, *retired]
