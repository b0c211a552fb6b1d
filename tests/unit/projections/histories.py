"""Histories that the log could hold, as long and as varied as a test wants them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from orchestrator.codec import encode
from orchestrator.domain.events import (
    AssignmentReason,
    AttemptLost,
    Bundle,
    ClientJoined,
    ClientLeft,
    ClientLost,
    Event,
    JobAssigned,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobStarted,
    JobStopRequested,
    JobSubmitted,
    Recorded,
    Results,
    ServiceConfigured,
    ServiceRetired,
    Usage,
    Violation,
    WriterElected,
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
from projections.projection import Folded

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
REASON = AssignmentReason(
    user_running=0,
    runs_per_user=5,
    service_running=0,
    max_runs=10,
    flow_tag=0,
    flow_tag_after=1,
    virtual_time=0,
    service_tag=0,
    waited_ms=3,
    free_slots=2,
)
RESULTS = Results(manifest_sha256="ab" * 32, size=1_000, files=3)
USAGE = Usage(wall_ms=9, user_cpu_ms=8, system_cpu_ms=1, max_rss_kib=2_000)
HADDOCK = ServiceName("haddock")


def at(position: int) -> datetime:
    """Return the writer's time of the event at a position."""
    return START + timedelta(microseconds=position * 1_501)


def recorded(position: int, event: Event) -> Recorded[Event]:
    return Recorded(
        at=at(position),
        by=PrincipalId("portal"),
        command_id=CommandId(f"command-{position}"),
        event=event,
    )


def folded(events: Sequence[Event], *, first: int = 1) -> list[Folded]:
    """Return events as a follower hands them on, from a position on."""
    messages: list[Folded] = []
    for position, event in enumerate(events, start=first):
        one = recorded(position, event)
        messages.append((position, one, encode(one)))
    return messages


def submitted(
    number: int,
    *,
    user: str = "ann",
    service: str = HADDOCK,
    labels: tuple[str, ...] = (),
    violation: Violation | None = None,
) -> JobSubmitted:
    return JobSubmitted(
        job_id=JobId(f"job-{number}"),
        number=number,
        service=ServiceName(service),
        user=UserId(user),
        bundle=Bundle(bundle_id=BundleId(f"b{number}"), sha256="cd" * 32, size=77),
        body_digest=f"digest-{number}",
        labels=labels,
        violation=violation,
    )


class _Job:
    """One job of a history: what may happen to it next."""

    def __init__(self, birth: JobSubmitted) -> None:
        self.birth = birth
        self.state = "invalid" if birth.violation else "queued"
        self.attempt = 0
        self.client_id = ClientId("none")
        self.cancelling = False

    def next(self, random: Random) -> Event | None:
        if self.state == "queued":
            return self._assigned(random)
        if self.state == "assigned" and random.random() < 0.8:
            return self._started()
        if self.state not in ("assigned", "running"):
            return None
        return self._stopping(random) or self._ended(random)

    def _assigned(self, random: Random) -> Event:
        self.state, self.attempt = "assigned", self.attempt + 1
        self.client_id = ClientId(f"client-{random.randrange(3)}")
        return JobAssigned(
            job_id=self.birth.job_id,
            service=self.birth.service,
            user=self.birth.user,
            client_id=self.client_id,
            attempt=self.attempt,
            reason=REASON,
        )

    def _started(self) -> Event:
        self.state = "running"
        return JobStarted(
            job_id=self.birth.job_id,
            service=self.birth.service,
            client_id=self.client_id,
            attempt=self.attempt,
            incarnation=Incarnation("i1"),
        )

    def _stopping(self, random: Random) -> Event | None:
        job_id, service = self.birth.job_id, self.birth.service
        if self.cancelling and random.random() < 0.3:
            return JobStopRequested(
                job_id=job_id,
                service=service,
                client_id=self.client_id,
                attempt=self.attempt,
            )
        if not self.cancelling and random.random() < 0.2:
            self.cancelling = True
            return JobCancelRequested(job_id=job_id, service=service)
        return None

    def _ended(self, random: Random) -> Event:
        job_id, service, attempt = self.birth.job_id, self.birth.service, self.attempt
        client_id = self.client_id
        if self.cancelling:
            self.state = "cancelled"
            return JobCancelled(
                job_id=job_id, service=service, attempt=attempt, signal=15
            )
        self.state = random.choice(("completed", "failed", "queued"))
        if self.state == "completed":
            return JobCompleted(
                job_id=job_id,
                service=service,
                client_id=client_id,
                attempt=attempt,
                results=RESULTS,
                usage=USAGE,
            )
        if self.state == "failed":
            return JobFailed(
                job_id=job_id,
                service=service,
                client_id=client_id,
                attempt=attempt,
                reason="exit_code",
                exit_code=3,
                results=RESULTS,
            )
        return AttemptLost(
            job_id=job_id,
            service=service,
            client_id=client_id,
            attempt=attempt,
            reason="client_lost",
        )


def seeded(seed: int, length: int) -> list[Event]:
    """Return the legal history that belongs to a seed."""
    return history(Random(seed), length)  # noqa: S311 - nothing secret


def history(random: Random, length: int) -> list[Event]:
    """Return a legal history: jobs of all endings, services and clients beside them."""
    events: list[Event] = [
        WriterElected(server_id="s1", version="1", previous_term=0),
        ServiceConfigured(
            service=HADDOCK, runs_per_user=5, max_runs=10, source="settings"
        ),
    ]
    live: list[_Job] = []
    number = 0
    while len(events) < length:
        draw = random.random()
        if draw < 0.05:
            events.append(_elsewhere(random))
        elif draw < 0.3 or not live:
            number += 1
            live.append(_Job(_birth(random, number)))
            events.append(live[-1].birth)
        else:
            job = live[random.randrange(len(live))]
            if (event := job.next(random)) is not None:
                events.append(event)
            else:
                live.remove(job)
    return events[:length]


def _birth(random: Random, number: int) -> JobSubmitted:
    return submitted(
        number,
        user=random.choice(("ann", "bob", "cy")),
        service=random.choice(("haddock", "prodigy")),
        labels=random.choice(((), ("demo",), ("demo", "run-2"))),
        violation=Violation(rule="no-sudo", line=4) if random.random() < 0.1 else None,
    )


def _elsewhere(random: Random) -> Event:
    client_id, incarnation = ClientId(f"client-{random.randrange(3)}"), Incarnation("i")
    match random.randrange(5):
        case 0:
            return ClientLeft(client_id=client_id, incarnation=incarnation)
        case 1:
            return ClientLost(
                client_id=client_id, incarnation=incarnation, silent_ms=15_000
            )
        case 2:
            return ServiceRetired(service=ServiceName("prodigy"), source="api")
        case 3:
            return ServiceConfigured(
                service=ServiceName("prodigy"),
                runs_per_user=random.randrange(1, 9),
                max_runs=12,
                source="api",
            )
        case _:
            return ClientJoined(
                client_id=client_id,
                incarnation=incarnation,
                name="node",
                version="0.1.0",
                slots=4,
                services=(HADDOCK,),
            )
