"""What a log proves by itself: limits kept, turns taken, one result a job."""

from collections import Counter
from collections.abc import Iterable

from orchestrator.domain.events import (
    AttemptLost,
    Event,
    JobAssigned,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobSubmitted,
    Recorded,
    ServiceConfigured,
)

type Log = Iterable[tuple[int, Recorded[Event]]]

_ENDINGS = (JobCompleted, JobFailed, JobCancelled)


def assert_no_prefix_exceeds_a_limit(log: Log) -> None:
    """Fold the log anew, with nothing of the writer's code, and count."""
    limits: dict[str, ServiceConfigured] = {}
    holds: dict[str, tuple[str, str]] = {}  # job → service, user
    for position, recorded in log:
        match recorded.event:
            case ServiceConfigured() as configured:
                limits[configured.service] = configured
            case JobAssigned() as assigned:
                holds[assigned.job_id] = (assigned.service, assigned.user)
                limit = limits[assigned.service]
                flow = (assigned.service, assigned.user)
                of_user = sum(each == flow for each in holds.values())
                of_all = sum(each[0] == flow[0] for each in holds.values())
                assert of_user <= limit.runs_per_user, f"user limit at {position}"
                assert of_all <= limit.max_runs, f"service limit at {position}"
            case AttemptLost() | JobCompleted() | JobFailed() | JobCancelled() as over:
                holds.pop(over.job_id, None)
            case _:
                pass


def assert_users_are_served_in_turn(log: Log) -> None:
    """Of users who could all be served, nobody is served twice before another once.

    Looks at each assignment: the served user must not have had two more assignments
    since the begin than any other user who waits below the limit at that position.
    """
    waiting: Counter[str] = Counter()
    running: Counter[str] = Counter()
    served: Counter[str] = Counter()
    owner: dict[str, str] = {}
    limit = 0
    for position, recorded in log:
        match recorded.event:
            case ServiceConfigured() as configured:
                limit = configured.runs_per_user
            case JobSubmitted() as submitted:
                owner[submitted.job_id] = submitted.user
                waiting[submitted.user] += 1
            case JobAssigned() as assigned:
                user = assigned.user
                others = [
                    other
                    for other, count in waiting.items()
                    if count and running[other] < limit
                ]
                least = min(served[other] for other in others)
                assert served[user] <= least + 1, f"out of turn at {position}"
                waiting[user] -= 1
                running[user] += 1
                served[user] += 1
            case AttemptLost() as lost:
                running[owner[lost.job_id]] -= 1
                waiting[owner[lost.job_id]] += 1
            case JobCompleted() | JobFailed() | JobCancelled() as over:
                running[owner[over.job_id]] -= 1
            case _:
                pass


def endings(log: Log) -> Counter[str]:
    """Return how many endings the log holds of each job."""
    return Counter(
        recorded.event.job_id
        for _, recorded in log
        if isinstance(recorded.event, _ENDINGS)
    )
