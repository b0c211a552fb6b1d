"""`status`: how a job is, or how the server is."""

import anyio
import msgspec
import rich_click as click
from msgspec import Struct

from orchestrator.cli.answers import Job
from orchestrator.cli.http_client import ask, job_path, open_server, read
from orchestrator.cli.options import json_option, server_option
from orchestrator.cli.output import say, write_fields, write_json, write_line
from orchestrator.cli.settings import server_url
from orchestrator.errors import ServerRefusedError

_NOT_READY = 503


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether the server can serve, and what it knows of itself."""

    status: str
    role: str
    term: int
    position: int
    log_position: int | None = None
    durability: str = ""
    reasons: tuple[str, ...] = ()


@click.command()
@click.argument("job", metavar="[JOB]", required=False)
@server_option
@json_option
def status(job: str | None, server: str | None, *, as_json: bool) -> int:
    """Show a job (its id or number); without one, whether the server is ready."""
    url = server_url(server)
    if job is None:
        return _show_server(anyio.run(_ready, url), as_json=as_json)
    response = ask(url, "GET", job_path(job))
    if as_json:
        write_json(msgspec.Raw(response.content))
    else:
        _show_job(read(response, Job))
    return 0


async def _ready(url: str) -> bytes:
    """Return what the server says of itself, also when it is not ready."""
    async with open_server(url) as client:
        try:
            return (await client.get("/ready")).content
        except ServerRefusedError as error:
            if error.status != _NOT_READY:
                raise
            return error.body


def _show_server(answer: bytes, *, as_json: bool) -> int:
    readiness = msgspec.json.decode(answer, type=Readiness)
    if as_json:
        write_json(msgspec.Raw(answer))
    else:
        write_fields(
            [
                ("server", readiness.status),
                ("writer", f"{readiness.role} (term {readiness.term})"),
                ("has read up to", readiness.position),
                ("the log ends at", readiness.log_position),
                ("durability", readiness.durability),
            ]
        )
    if readiness.reasons:
        say(f"error: not ready: {'; '.join(readiness.reasons)}")
    return 1 if readiness.reasons else 0


def _show_job(job: Job) -> None:
    write_line(f"job {job.number} ({job.job_id})")
    write_fields(
        [
            ("state", job.state),
            ("why", job.why),
            ("the line", job.snippet),
            ("warnings", _warnings(job)),
            ("service", job.service),
            ("user", job.user),
            ("labels", ", ".join(job.labels) or None),
            ("attempt", job.attempt or None),
            ("client", job.client_id),
            ("submitted", job.submitted_at),
            ("started", job.started_at),
            ("ended", job.ended_at),
            ("results", _results(job)),
        ]
    )


def _warnings(job: Job) -> str | None:
    noted = (
        each.rule if each.line is None else f"{each.rule} (line {each.line})"
        for each in job.warnings
    )
    return ", ".join(noted) or None


def _results(job: Job) -> str | None:
    if job.results is None:
        return None
    return f"{job.results.files} files, {job.results.size} bytes"
