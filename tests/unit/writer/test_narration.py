from typing import Any

import pytest
from structlog.testing import capture_logs

from orchestrator.domain.events import (
    AttemptLost,
    ClientLost,
    Event,
    JobAssigned,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobStarted,
)
from orchestrator.writer.narration import narrate
from tests.examples import (
    ADA,
    CLIENT,
    ECHO,
    FIRST_LIFE,
    JOB,
    REASON,
    RESULTS,
    USAGE,
)


def lines(*events: Event) -> list[Any]:
    with capture_logs() as captured:
        for position, event in enumerate(events, start=1):
            narrate(position, event)
    return list(captured)


ASSIGNED = JobAssigned(
    job_id=JOB, service=ECHO, user=ADA, client_id=CLIENT, attempt=1, reason=REASON
)
STARTED = JobStarted(
    job_id=JOB, service=ECHO, client_id=CLIENT, attempt=1, incarnation=FIRST_LIFE
)
COMPLETED = JobCompleted(
    job_id=JOB, service=ECHO, client_id=CLIENT, attempt=1, results=RESULTS, usage=USAGE
)


def test_a_job_is_one_line_at_its_end() -> None:
    (line,) = lines(ASSIGNED, STARTED, COMPLETED)
    assert line["event"] == "job.completed"
    assert line["log_level"] == "info"
    assert line["job_id"] == JOB
    assert line["client_id"] == CLIENT
    assert line["wall_ms"] == USAGE.wall_ms


def test_a_failure_says_why() -> None:
    failed = JobFailed(
        job_id=JOB,
        service=ECHO,
        client_id=CLIENT,
        attempt=2,
        reason="exit_code",
        exit_code=3,
    )
    (line,) = lines(failed)
    assert (line["event"], line["reason"]) == ("job.failed", "exit_code")
    assert (line["attempt"], line["exit_code"]) == (2, 3)


def test_a_job_that_never_ran_ends_with_a_line_as_well() -> None:
    (line,) = lines(JobCancelled(job_id=JOB, service=ECHO, attempt=0))
    assert (line["event"], line["client_id"]) == ("job.cancelled", None)


@pytest.mark.parametrize(
    "event",
    [
        AttemptLost(
            job_id=JOB,
            service=ECHO,
            client_id=CLIENT,
            attempt=1,
            reason="client_lost",
        ),
        ClientLost(client_id=CLIENT, incarnation=FIRST_LIFE, silent_ms=15_000),
    ],
)
def test_what_is_lost_is_a_warning(event: Event) -> None:
    (line,) = lines(event)
    assert line["log_level"] == "warning"
    assert line["client_id"] == CLIENT
