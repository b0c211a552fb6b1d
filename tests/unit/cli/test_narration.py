from datetime import UTC, datetime

from orchestrator.cli.narration import end, invalid, sentence, what
from orchestrator.domain.events import (
    AttemptLost,
    Bundle,
    ClientLost,
    JobCancelled,
    JobFailed,
    JobSubmitted,
    Recorded,
    Usage,
    Violation,
)
from orchestrator.domain.ids import (
    BundleId,
    ClientId,
    CommandId,
    Incarnation,
    JobId,
    PrincipalId,
    ServiceName,
    UserId,
)
from orchestrator.domain.job import is_end

JOB = JobId("job")
SERVICE = ServiceName("haddock")
CLIENT = ClientId("client")
SUBMITTED = JobSubmitted(
    job_id=JOB,
    number=7,
    service=SERVICE,
    user=UserId("ada"),
    bundle=Bundle(bundle_id=BundleId("bundle"), sha256="", size=0),
    body_digest="",
)
FAILED = JobFailed(
    job_id=JOB,
    service=SERVICE,
    client_id=CLIENT,
    attempt=2,
    reason="signal",
    signal=15,
    usage=Usage(wall_ms=1_500, user_cpu_ms=0, system_cpu_ms=0, max_rss_kib=2_048),
)


def test_a_sentence_begins_with_the_time_and_the_state() -> None:
    recorded = Recorded(
        at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        by=PrincipalId("ada"),
        command_id=CommandId("c"),
        event=SUBMITTED,
    )

    said = sentence(recorded)

    assert ":05.678  queued" in said
    assert said.endswith("job 7 of ada for haddock")


def test_an_ending_says_how_and_what_it_took() -> None:
    assert what(FAILED).split("  ")[-1] == (
        "killed by signal 15 (SIGTERM), 1.50 s, 2 MiB"
    )


def test_a_lost_attempt_says_that_the_job_waits_again() -> None:
    lost = AttemptLost(
        job_id=JOB, service=SERVICE, client_id=CLIENT, attempt=2, reason="client_lost"
    )

    assert what(lost).endswith("again: attempt 2 was lost (client lost)")


def test_a_silent_client_is_told_with_its_silence() -> None:
    lost = ClientLost(
        client_id=CLIENT, incarnation=Incarnation("one"), silent_ms=15_300
    )

    assert what(lost).endswith("client lost: silent for 15.3 s")


def test_reasons_are_words_for_people() -> None:
    assert end("unkillable", None, None) == "unkillable"
    assert end(None, None, None) == "no reason given"
    assert end("signal", None, 250) == "killed by signal 250 (unknown)"
    assert invalid("forbidden-sudo", 12) == "rule forbidden-sudo (line 12)"


def test_a_job_is_over_when_it_ended_or_can_never_run() -> None:
    violation = Violation(rule="missing-run-sh")
    refused = JobSubmitted(
        job_id=JOB,
        number=8,
        service=SERVICE,
        user=UserId("ada"),
        bundle=SUBMITTED.bundle,
        body_digest="",
        violation=violation,
    )

    assert is_end(FAILED)
    assert is_end(JobCancelled(job_id=JOB, service=SERVICE, attempt=0))
    assert is_end(refused)
    assert not is_end(SUBMITTED)
