"""`import-original`: bring the jobs of a stopped original over to a running server."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from zipfile import is_zipfile

import anyio
import rich_click as click
from msgspec import Struct

from orchestrator.cli.http_client import open_server
from orchestrator.cli.options import json_option, server_option
from orchestrator.cli.original_import import Way, bring_over, is_there
from orchestrator.cli.original_jobs import (
    RESULTS,
    Fate,
    OriginalJob,
    Unfinished,
    fate,
    read_jobs,
    size,
)
from orchestrator.cli.output import progress_bar, say, write_fields, write_json
from orchestrator.cli.settings import server_url
from orchestrator.errors import ServerRefusedError

_SERVER_ERROR = 500
_MOST_SHOWN = 20


class Renumbered(Struct, frozen=True, kw_only=True):
    """A job whose number somebody else had."""

    was: int
    now: int


class Trouble(Struct, frozen=True, kw_only=True):
    """A job that was not imported."""

    number: int
    why: str


class Summary(Struct, kw_only=True):
    """What was found, and what became of it; with --dry-run, what would."""

    dry_run: bool
    found: int
    imported: dict[str, int] = {}  # by state
    already_there: int = 0
    renumbered: list[Renumbered] = []
    without_results: list[int] = []  # completed, but their results are not there
    not_imported: list[Trouble] = []

    def count(self, state: str) -> None:
        """Count a job that was imported."""
        self.imported[state] = self.imported.get(state, 0) + 1


@click.command("import-original")
@click.option(
    "--db",
    "database",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The database of the original's server (its DB_PATH).",
)
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Its data directory (its DATA_PATH).",
)
@click.option(
    "--unfinished",
    type=click.Choice(["run", "fail"]),
    default="run",
    show_default=True,
    help="Run jobs that were not over anew, from their files, or record them as "
    "failed.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@server_option
@json_option
def import_original(  # noqa: PLR0913 - one parameter an option
    database: Path,
    data: Path,
    unfinished: Unfinished,
    server: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Bring the jobs of a stopped rvhonorato/job-orchestrator over to a server.

    Nothing of the original is changed. What was imported before is left as it is, so
    it may be run again; see ops/migrating.md.
    """
    plan = [(job, fate(job, unfinished)) for job in read_jobs(database, data)]
    if dry_run:
        summary = _foreseen(plan)
    else:
        summary = anyio.run(_import_all, server_url(server), plan)
    if as_json:
        write_json(summary)
    else:
        _show(summary)
    return 1 if summary.not_imported else 0


type _Plan = Sequence[tuple[OriginalJob, Fate]]


def _foreseen(plan: _Plan) -> Summary:
    summary = Summary(dry_run=True, found=len(plan))
    for job, wanted in plan:
        state = wanted.state
        if wanted.files == "archive" and not is_zipfile(job.directory / RESULTS):
            state = "cleaned"
        summary.count(state)
        if job.status == "completed" and state == "cleaned":
            summary.without_results.append(job.number)
    return summary


async def _import_all(url: str, plan: _Plan) -> Summary:
    summary = Summary(dry_run=False, found=len(plan))
    sizes = [size(job, wanted.files) for job, wanted in plan]
    with tempfile.TemporaryDirectory() as scratch, progress_bar() as bar:
        task = bar.add_task("importing", total=sum(sizes))
        done = 0
        async with open_server(url) as client:
            way = Way(client, Path(scratch), lambda count: bar.advance(task, count))
            # In their order, so that numbers and turns stay as they are.
            for (job, wanted), job_size in zip(plan, sizes, strict=True):
                await _import_one(way, job, wanted, summary)
                done += job_size
                bar.update(task, completed=done)
    return summary


async def _import_one(
    way: Way, job: OriginalJob, wanted: Fate, summary: Summary
) -> None:
    if await is_there(way.client, job):
        summary.already_there += 1
        return
    try:
        answer = await bring_over(way, job, wanted)
    except (ServerRefusedError, OSError) as error:
        if isinstance(error, ServerRefusedError) and error.status >= _SERVER_ERROR:
            raise  # it would not take the others either
        summary.not_imported.append(Trouble(number=job.number, why=str(error)))
        return
    summary.count(answer.state)
    if answer.number != job.number:
        summary.renumbered.append(Renumbered(was=job.number, now=answer.number))
    if job.status == "completed" and answer.state == "cleaned":
        summary.without_results.append(job.number)


def _show(summary: Summary) -> None:
    say_imported = "would be imported" if summary.dry_run else "imported"
    states = ", ".join(
        f"{count} {state}" for state, count in sorted(summary.imported.items())
    )
    write_fields(
        [
            ("jobs found", summary.found),
            (say_imported, states or "none"),
            ("there before", summary.already_there or None),
            ("without results", _listed(summary.without_results)),
            (
                "new numbers",
                _listed(
                    [f"{each.was} is now {each.now}" for each in summary.renumbered]
                ),
            ),
        ]
    )
    for trouble in summary.not_imported:
        say(f"error: job {trouble.number} was not imported: {trouble.why}")


def _listed(items: Sequence[object]) -> str | None:
    more = f", and {len(items) - _MOST_SHOWN} more" if len(items) > _MOST_SHOWN else ""
    return ", ".join(map(str, items[:_MOST_SHOWN])) + more or None
