"""`jobs`: a list, newest first."""

from collections.abc import Iterator, Mapping
from itertools import islice

import msgspec
import rich_click as click
from msgspec import Struct

from orchestrator.cli.answers import Job
from orchestrator.cli.http_client import ask, read
from orchestrator.cli.options import json_option, server_option
from orchestrator.cli.output import write_json, write_table
from orchestrator.cli.settings import server_url

_STATES = (
    "queued",
    "assigned",
    "running",
    "completed",
    "failed",
    "cancelled",
    "invalid",
)
_PAGE = 100


class Page(Struct, frozen=True, kw_only=True):
    """A part of the list, and where the next begins."""

    jobs: tuple[msgspec.Raw, ...]
    next_cursor: str | None = None


@click.command()
@click.option("--user", help="Only jobs of this user.")
@click.option("--service", help="Only jobs of this service.")
@click.option("--state", type=click.Choice(_STATES), help="Only jobs in this state.")
@click.option("--label", help="Only jobs with this label.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many at most.",
)
@server_option
@json_option
def jobs(  # noqa: PLR0913, PLR0917 - one parameter an option; click names them
    user: str | None,
    service: str | None,
    state: str | None,
    label: str | None,
    limit: int,
    server: str | None,
    *,
    as_json: bool,
) -> None:
    """List jobs, newest first; with --json one a line."""
    chosen = {"user": user, "service": service, "state": state, "label": label}
    wanted = {name: value for name, value in chosen.items() if value is not None}
    found = islice(_pages(server_url(server), wanted, limit), limit)
    if as_json:
        for job in found:
            write_json(job)
        return
    write_table(
        ("number", "state", "service", "user", "submitted", "why", "id"),
        (_row(msgspec.json.decode(job, type=Job)) for job in found),
    )


def _pages(url: str, wanted: Mapping[str, str], limit: int) -> Iterator[msgspec.Raw]:
    query: dict[str, str | int] = {**wanted, "limit": min(limit, _PAGE)}
    while True:
        page = read(ask(url, "GET", "/jobs", params=query), Page)
        yield from page.jobs
        if page.next_cursor is None:
            return
        query["cursor"] = page.next_cursor


def _row(job: Job) -> tuple[object, ...]:
    submitted = job.submitted_at and f"{job.submitted_at.astimezone():%d %b %H:%M:%S}"
    return (
        job.number,
        job.state,
        job.service,
        job.user,
        submitted,
        job.why,
        job.job_id,
    )
