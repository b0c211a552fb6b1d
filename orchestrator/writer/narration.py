"""Log lines for an operator: one for each job that is over, and for who comes or goes.

Told by the leader alone, of what the log holds; the event log itself says the rest.
"""

import structlog

from orchestrator.domain.events import (
    AttemptLost,
    ClientJoined,
    ClientLeft,
    ClientLost,
    Event,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobImported,
    JobSubmitted,
    ServiceConfigured,
    ServiceRetired,
)
from orchestrator.domain.ids import Position

logger = structlog.stdlib.get_logger()


def narrate(position: Position, event: Event) -> None:
    """Say what an operator should know of, at the level that it deserves."""
    with structlog.contextvars.bound_contextvars(position=position):
        match event:
            case JobSubmitted(violation=violation) if violation is not None:
                logger.info(
                    "job.invalid",
                    job_id=event.job_id,
                    number=event.number,
                    service=event.service,
                    rule=violation.rule,
                )
            case JobImported():
                logger.info(
                    "job.imported",
                    job_id=event.job_id,
                    number=event.number,
                    original_number=event.original_number,
                    service=event.service,
                    state=event.state,
                )
            case JobCompleted() | JobFailed() | JobCancelled():
                _ended(event)
            case AttemptLost():
                logger.warning(
                    "attempt.lost",
                    job_id=event.job_id,
                    attempt=event.attempt,
                    client_id=event.client_id,
                    reason=event.reason,
                )
            case ServiceConfigured() | ServiceRetired():
                _service(event)
            case ClientJoined() | ClientLeft() | ClientLost():
                _client(event)
            case _:
                pass


def _ended(event: JobCompleted | JobFailed | JobCancelled) -> None:
    facts: dict[str, object] = {"wall_ms": event.usage.wall_ms} if event.usage else {}
    if isinstance(event, JobFailed):
        facts["reason"] = event.reason
    if not isinstance(event, JobCompleted):
        facts |= {"exit_code": event.exit_code, "signal": event.signal}
    logger.info(
        str(type(event).__struct_config__.tag),
        job_id=event.job_id,
        service=event.service,
        attempt=event.attempt,
        client_id=event.client_id,
        **facts,
    )


def _service(event: ServiceConfigured | ServiceRetired) -> None:
    facts: dict[str, object] = {}
    if isinstance(event, ServiceConfigured):
        facts = {"runs_per_user": event.runs_per_user, "max_runs": event.max_runs}
    logger.info(
        str(type(event).__struct_config__.tag),
        service=event.service,
        source=event.source,
        **facts,
    )


def _client(event: ClientJoined | ClientLeft | ClientLost) -> None:
    tag = str(type(event).__struct_config__.tag)
    if isinstance(event, ClientLost):
        silent_ms = event.silent_ms
        logger.warning(tag, client_id=event.client_id, silent_ms=silent_ms)
    elif isinstance(event, ClientJoined):
        name, slots = event.name, event.slots
        logger.info(tag, client_id=event.client_id, name=name, slots=slots)
    else:
        logger.info(tag, client_id=event.client_id)
