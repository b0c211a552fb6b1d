"""The JSON bodies of the native API: field names are a promise."""

from datetime import datetime

from msgspec import Struct

from orchestrator.domain.events import Event, Recorded, Results, Usage
from orchestrator.domain.ids import Position
from projections.read_models.clients import ClientView
from projections.read_models.jobs import JobView, JobWord


class Links(Struct, frozen=True, kw_only=True):
    """Where the rest of a job is."""

    self: str
    events: str
    results: str
    files: str
    cancel: str


class SubmissionBody(Struct, frozen=True, kw_only=True):
    """A job that was accepted; `position` is where the log says so."""

    job_id: str
    number: int
    state: JobWord
    position: Position
    links: Links


class WarningBody(Struct, frozen=True, kw_only=True):
    """A rule of the script policy that a script breaks, and its line of `run.sh`."""

    rule: str
    line: int | None
    snippet: str | None = None  # that line, where the job itself is asked for


class JobBody(Struct, frozen=True, kw_only=True):
    """A job as its events up to `position` tell it."""

    job_id: str
    number: int
    service: str
    user: str
    state: JobWord
    attempt: int
    client_id: str | None
    submitted_at: datetime
    assigned_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    cancel_requested: bool
    reason: str | None
    line: int | None
    exit_code: int | None
    signal: int | None
    labels: tuple[str, ...]
    queue_position: int | None
    input_bytes: int
    results: Results | None
    usage: Usage | None
    position: Position
    original_number: int | None  # of an imported job
    snippet: str | None  # the line, where the job itself is asked for
    warnings: tuple[WarningBody, ...]
    links: Links


class JobPage(Struct, frozen=True, kw_only=True):
    """Jobs, newest first; the next page is `?cursor=<next_cursor>`."""

    jobs: tuple[JobBody, ...]
    next_cursor: str | None


class CancelBody(Struct, frozen=True, kw_only=True):
    """A job that will end, or has; `position` is where the log says so."""

    job_id: str
    number: int
    state: JobWord
    cancel_requested: bool
    position: Position


class EventBody(Struct, frozen=True, kw_only=True):
    """An event and the position it has in the log."""

    position: Position
    at: datetime
    by: str
    command_id: str
    event: Event


class History(Struct, frozen=True, kw_only=True):
    """All that has happened to a job, oldest first."""

    events: tuple[EventBody, ...]


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many jobs of a service may be held by clients at once."""

    runs_per_user: int
    max_runs: int


class ServiceBody(Struct, frozen=True, kw_only=True):
    """A service and its limits; `source` says who set them: settings or api."""

    name: str
    runs_per_user: int
    max_runs: int
    source: str
    retired: bool
    position: Position


class ServiceList(Struct, frozen=True, kw_only=True):
    """All services, retired ones too, by name."""

    services: tuple[ServiceBody, ...]


class ClientList(Struct, frozen=True, kw_only=True):
    """All clients that ever joined, by id."""

    clients: tuple[ClientView, ...]


def links_of(job_id: str, root_path: str) -> Links:
    """Return where the rest of a job is, as callers see this server."""
    base = f"{root_path}/jobs/{job_id}"
    return Links(
        self=base,
        events=f"{base}/events",
        results=f"{base}/results",
        files=f"{base}/files",
        cancel=f"{base}/cancel",
    )


def job_body(view: JobView, queue_position: int | None, root_path: str) -> JobBody:
    """Return a job as callers see it."""
    return JobBody(
        job_id=view.job_id,
        number=view.number,
        service=view.service,
        user=view.user,
        state=view.state,
        attempt=view.attempt,
        client_id=view.client_id,
        submitted_at=view.submitted_at,
        assigned_at=view.assigned_at,
        started_at=view.started_at,
        ended_at=view.ended_at,
        cancel_requested=view.cancel_requested,
        reason=view.reason,
        line=view.line,
        exit_code=view.exit_code,
        signal=view.signal,
        labels=view.labels,
        queue_position=queue_position,
        input_bytes=view.bundle.size,
        results=view.results,
        usage=view.usage,
        position=view.position,
        original_number=view.original_number,
        snippet=None,
        warnings=tuple(
            WarningBody(rule=each.rule, line=each.line) for each in view.warnings
        ),
        links=links_of(view.job_id, root_path),
    )


def event_body(position: Position, recorded: Recorded[Event]) -> EventBody:
    """Return an event with its envelope and position."""
    return EventBody(
        position=position,
        at=recorded.at,
        by=recorded.by,
        command_id=recorded.command_id,
        event=recorded.event,
    )
