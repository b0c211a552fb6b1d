"""`wait`: follow a job to its end; the exit code says how it ended."""

import contextlib
from functools import partial

import anyio
import httpx
import rich_click as click

from orchestrator.cli.answers import Job
from orchestrator.cli.event_stream import follow_job
from orchestrator.cli.http_client import job_path, open_server, read, retried
from orchestrator.cli.narration import sentence
from orchestrator.cli.options import job_argument, json_option, server_option
from orchestrator.cli.output import say, write_json
from orchestrator.cli.settings import server_url

_ENDED = {
    "failed": "failed",
    "cancelled": "was cancelled",
    "invalid": "is invalid",
    "cleaned": "is over, and its files are gone",
}


@click.command()
@job_argument
@server_option
@json_option
def wait(job: str, server: str | None, *, as_json: bool) -> int:
    """Show what happens to a job (its id or number) until it ends.

    Exit code 0 when it completed; 1, with the reason, when it did not.
    """
    return anyio.run(partial(_wait, server_url(server), job, as_json=as_json))


async def _wait(url: str, job: str, *, as_json: bool) -> int:
    async with open_server(url) as client:
        return await wait_for(client, job, as_json=as_json)


async def wait_for(client: httpx.AsyncClient, job: str, *, as_json: bool) -> int:
    """Return 0 when the job completed; show its events meanwhile."""
    async with contextlib.aclosing(follow_job(client, job)) as events:
        async for sent in events:
            say(sentence(sent.recorded))
    ended = await fetch_job(client, job)
    if as_json:
        write_json(ended)
    if ended.state == "completed":
        return 0
    why = f": {ended.why}" if ended.why else ""
    say(f"error: job {ended.number} {_ENDED.get(ended.state, ended.state)}{why}")
    return 1


async def fetch_job(client: httpx.AsyncClient, job: str) -> Job:
    """Return a job by its id or number."""

    async def fetch() -> Job:
        return read(await client.get(job_path(job)), Job)

    return await retried(fetch)
