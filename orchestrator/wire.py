"""What clients and servers say to each other over NATS, as JSON.

A client sends a `Report` to `reports.<client_id>` and waits for an `Answer`; it beats
on `heartbeats.<client_id>`. Its assignments come on `log.assignments.<client_id>`.
"""

import msgspec
from msgspec import Struct

from orchestrator.domain.events import FailureReason, Results, Usage
from orchestrator.domain.ids import ClientId, Incarnation, JobId, ServiceName
from orchestrator.domain.subjects import assignments_of, token

# Raised when an older client could misunderstand a newer server, or the reverse.
PROTOCOL = 1
# Where results are delivered: how much of the body is the manifest.
MANIFEST_LENGTH = "Manifest-Length"


class Join(Struct, frozen=True, kw_only=True, tag="join"):
    """Offer this client's slots."""

    client_id: ClientId
    incarnation: Incarnation
    name: str
    version: str
    protocol: int
    slots: int
    services: tuple[ServiceName, ...] = ()


class Sync(Struct, frozen=True, kw_only=True, tag="sync"):
    """Ask for everything that is assigned to this client now."""

    client_id: ClientId
    incarnation: Incarnation


class Fetch(Struct, frozen=True, kw_only=True, tag="fetch"):
    """Ask for the right to fetch an attempt's inputs and to deliver its results."""

    client_id: ClientId
    job_id: JobId
    attempt: int


class Started(Struct, frozen=True, kw_only=True, tag="started"):
    """Claim an attempt; its process may start once this was accepted."""

    client_id: ClientId
    job_id: JobId
    attempt: int
    incarnation: Incarnation


class Ended(Struct, frozen=True, kw_only=True, tag="ended"):
    """Say how an attempt ended; its results are already delivered."""

    client_id: ClientId
    job_id: JobId
    attempt: int
    exit_code: int | None = None
    signal: int | None = None
    failure: FailureReason | None = None
    results: Results | None = None
    usage: Usage | None = None


class Lost(Struct, frozen=True, kw_only=True, tag="lost"):
    """Say that this client does not run the attempt (any more)."""

    client_id: ClientId
    job_id: JobId
    attempt: int


class Leave(Struct, frozen=True, kw_only=True, tag="leave"):
    """Say goodbye: no more work for this client."""

    client_id: ClientId
    incarnation: Incarnation


type Report = Join | Sync | Fetch | Started | Ended | Lost | Leave


class HeldAttempt(Struct, frozen=True, kw_only=True):
    """An attempt that the log gives to the client."""

    job_id: JobId
    attempt: int
    started: bool
    stop_requested: bool


class Accepted(Struct, frozen=True, kw_only=True, tag="accepted"):
    """The report is in the log at this position, or needed no event."""

    position: int


class Synced(Struct, frozen=True, kw_only=True, tag="synced"):
    """Answer to `join` and `sync`: all that is assigned, as of a position."""

    position: int
    attempts: tuple[HeldAttempt, ...]


class Fetched(Struct, frozen=True, kw_only=True, tag="fetched"):
    """Answer to `fetch`: how to get the inputs, and where to bring the results."""

    token: str  # for `Authorization: Bearer`, bound to this attempt
    number: int
    service: ServiceName
    user: str
    bundle_sha256: str
    bundle_size: int  # bytes


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """The report is refused for good: `stale_attempt` means stop and discard."""

    code: str  # stale_attempt, unknown_client, version_refused, client_held, invalid
    message: str


class Unavailable(Struct, frozen=True, kw_only=True, tag="unavailable"):
    """Nobody can say now: send the same report again."""

    message: str


type Answer = Accepted | Synced | Fetched | Refused | Unavailable


class Heartbeat(Struct, frozen=True, kw_only=True):
    """A sign of life; sent as a request, so that a missed assignment is noticed."""

    client_id: ClientId
    incarnation: Incarnation
    last_position: int  # of the newest assignment message taken
    attempts: tuple[tuple[JobId, int], ...]
    free_slots: int
    load: float  # of the machine, one minute


class HeartbeatAnswer(Struct, frozen=True, kw_only=True):
    """The position of the newest message assigned to this client: behind? sync.

    `known` is false when the client has to join again.
    """

    assignment_position: int
    known: bool


REPORT_DECODER: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)
ANSWER_DECODER: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
HEARTBEAT_DECODER = msgspec.json.Decoder(Heartbeat)
HEARTBEAT_ANSWER_DECODER = msgspec.json.Decoder(HeartbeatAnswer)
encode = msgspec.json.Encoder().encode


def reports_of(client_id: str) -> str:
    """Return the subject on which a client reports."""
    return f"reports.{token(client_id)}"


def heartbeats_of(client_id: str) -> str:
    """Return the subject on which a client beats."""
    return f"heartbeats.{token(client_id)}"


def deliveries_of(client_id: str) -> str:
    """Return the subject on which stored assignments reach a client."""
    return f"log.{assignments_of(client_id)}"
