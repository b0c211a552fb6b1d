"""Which job a client gets next, and why (SCHEDULING, first step)."""

from orchestrator.domain.events import AssignmentReason, JobAssigned
from orchestrator.domain.ids import ClientId, ServiceName, Timestamp
from orchestrator.domain.instant import unix_ms
from orchestrator.domain.job import Queued
from orchestrator.writer.state import WriterState


def plan_next(state: WriterState, at: Timestamp) -> JobAssigned | None:
    """Return the next assignment, or nothing while nobody can be served.

    The service served least recently comes first, within it the user served least
    recently, within that the oldest job; it goes to the client with most room. The
    caller folds the assignment before asking for another.
    """
    for service in state.queue.runnable_services():
        roomiest = state.clients.roomiest(service)
        if roomiest is not None:
            return _assign(state, service, roomiest, at)
    return None


def _assign(
    state: WriterState,
    service: ServiceName,
    roomiest: tuple[ClientId, int],
    at: Timestamp,
) -> JobAssigned | None:
    queue = state.queue.of(service)
    user = queue.fair.first()
    if user is None:
        return None
    job_id = queue.head(user)
    job = state.live[job_id]
    policy = state.queue.policies[service]
    tag = queue.fair.tag(user)
    client_id, free_slots = roomiest
    waited_ms = unix_ms(at) - job.since_ms if isinstance(job, Queued) else 0
    return JobAssigned(
        job_id=job_id,
        service=service,
        user=user,
        client_id=client_id,
        attempt=job.attempt + 1,
        reason=AssignmentReason(
            user_running=state.quota.of_user(service, user),
            runs_per_user=policy.runs_per_user,
            service_running=state.quota.of_service(service),
            max_runs=policy.max_runs,
            flow_tag=tag,
            flow_tag_after=queue.fair.tag_after(user),
            virtual_time=queue.fair.virtual_time,
            service_tag=state.queue.fair.tag(service),
            waited_ms=waited_ms,
            free_slots=free_slots,
        ),
    )
