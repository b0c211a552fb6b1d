"""Histories that the log could hold, as long and as varied as a test wants them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from msgspec import structs

from orchestrator.codec import encode
from orchestrator.domain.events import Event, JobSubmitted, Recorded, Violation
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
from tests import examples

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
HADDOCK = ServiceName("haddock")
PRODIGY = ServiceName("prodigy")


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
    return structs.replace(
        examples.SUBMITTED,
        job_id=JobId(f"job-{number}"),
        number=number,
        service=ServiceName(service),
        user=UserId(user),
        bundle=structs.replace(examples.BUNDLE, bundle_id=BundleId(f"b{number}")),
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
        return self._as(structs.replace(examples.ASSIGNED, user=self.birth.user))

    def _started(self) -> Event:
        self.state = "running"
        return self._as(examples.STARTED)

    def _stopping(self, random: Random) -> Event | None:
        if self.cancelling and random.random() < 0.3:
            return self._as(examples.STOP_REQUESTED)
        if not self.cancelling and random.random() < 0.2:
            self.cancelling = True
            return structs.replace(
                examples.CANCEL_REQUESTED,
                job_id=self.birth.job_id,
                service=self.birth.service,
            )
        return None

    def _ended(self, random: Random) -> Event:
        if self.cancelling:
            self.state = "cancelled"
            return self._as(
                structs.replace(examples.CANCELLED, results=None, usage=None)
            )
        self.state = random.choice(("completed", "failed", "queued"))
        match self.state:
            case "completed":
                return self._as(examples.COMPLETED)
            case "failed":
                return self._as(structs.replace(examples.FAILED, usage=None))
            case _:
                return self._as(examples.LOST)

    def _as[E: Event](self, example: E) -> E:
        return structs.replace(
            example,
            job_id=self.birth.job_id,
            service=self.birth.service,
            client_id=self.client_id,
            attempt=self.attempt,
        )


def seeded(seed: int, length: int) -> list[Event]:
    """Return the legal history that belongs to a seed."""
    return history(Random(seed), length)  # noqa: S311 - nothing secret


def history(random: Random, length: int) -> list[Event]:
    """Return a legal history: jobs of all endings, services and clients beside them."""
    configured = structs.replace(examples.CONFIGURED, service=HADDOCK)
    events: list[Event] = [examples.ELECTED, configured]
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
        service=random.choice((HADDOCK, PRODIGY)),
        labels=random.choice(((), ("demo",), ("demo", "run-2"))),
        violation=Violation(rule="no-sudo", line=4) if random.random() < 0.1 else None,
    )


def _elsewhere(random: Random) -> Event:
    of_client = partial(
        structs.replace,
        client_id=ClientId(f"client-{random.randrange(3)}"),
        incarnation=Incarnation("i"),
    )
    match random.randrange(5):
        case 0:
            return of_client(examples.LEFT)
        case 1:
            return of_client(examples.CLIENT_LOST)
        case 2:
            return structs.replace(examples.RETIRED, service=PRODIGY)
        case 3:
            return structs.replace(
                examples.CONFIGURED,
                service=PRODIGY,
                runs_per_user=random.randrange(1, 9),
                source="api",
            )
        case _:
            return of_client(examples.JOINED, services=(HADDOCK,))
