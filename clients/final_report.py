"""What the hub is told about an attempt at its end."""

from clients.executors.executor import Outcome, Usage as Measured
from clients.inputs import AttemptKey, Final
from orchestrator.domain.events import FailureReason, Results, Usage
from orchestrator.domain.ids import ClientId
from orchestrator.wire import Ended, Lost


def final_report(
    key: AttemptKey,
    client_id: ClientId,
    *,
    failure: FailureReason | None,
    outcome: Outcome | None,
    results: Results | None,
) -> Final:
    """Return the report: lost, unless there is a failure or a result to speak of."""
    job_id, attempt = key
    if failure or (outcome and outcome.failure == "spawn_failed"):
        return Ended(
            client_id=client_id,
            job_id=job_id,
            attempt=attempt,
            failure=failure or "spawn_failed",
        )
    if outcome is None or results is None:
        return Lost(client_id=client_id, job_id=job_id, attempt=attempt)
    return Ended(
        client_id=client_id,
        job_id=job_id,
        attempt=attempt,
        exit_code=outcome.exit_code,
        signal=outcome.signal,
        failure="unkillable" if outcome.failure == "unkillable" else None,
        results=results,
        usage=_as_event(outcome.usage),
    )


def _as_event(usage: Measured | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        wall_ms=usage.wall_ms,
        user_cpu_ms=usage.user_cpu_ms,
        system_cpu_ms=usage.system_cpu_ms,
        max_rss_kib=usage.max_rss_kib,
    )
