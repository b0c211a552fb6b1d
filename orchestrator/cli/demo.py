"""`demo`: the whole system in a temporary directory, with one real job."""

import contextlib
import csv
import io
import logging
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio.to_thread
import httpx
import rich_click as click
from msgspec import Struct

from orchestrator.cli.demo_job import write_inputs
from orchestrator.cli.event_stream import follow_job
from orchestrator.cli.http_client import open_server
from orchestrator.cli.log_access import require_server_part
from orchestrator.cli.log_lines import configure_log_lines
from orchestrator.cli.narration import sentence
from orchestrator.cli.options import json_option
from orchestrator.cli.output import say, write_json, write_line, write_table
from orchestrator.cli.results import fetch_archive, fetch_manifest
from orchestrator.cli.running import Lifetime, run_until_stopped
from orchestrator.cli.scratch import scratch_directory
from orchestrator.cli.settings_schema import (
    ClientSettings,
    NatsSettings,
    ServerSettings,
    ServiceSettings,
    Settings,
)
from orchestrator.cli.submit import Request, submit_files
from orchestrator.cli.up import all_running
from orchestrator.cli.wait import fetch_job
from orchestrator.errors import DemoFailedError
from orchestrator.files.bundle import check_archive

_SERVICE = "contacts"
_USER = "you"


class Result(Struct, frozen=True, kw_only=True):
    """What the demo's job has found out; written with --json at the end."""

    job_id: str
    summary: str
    contacts: tuple[dict[str, str], ...]
    files: int  # whose checksums match the manifest
    manifest_sha256: str


@click.command()
@json_option
def demo(*, as_json: bool) -> int:
    """Run everything in a temporary directory, with one real job, and clean up.

    The job finds out where two alpha helices touch: atoms closer than 5 Å.
    """
    require_server_part()
    configure_log_lines(level=logging.ERROR)
    return run_until_stopped(partial(_demo, as_json=as_json))


async def _demo(_lifetime: Lifetime, *, as_json: bool) -> None:
    # It never says that it has begun: a signal cancels it wherever it is.
    tell = say if as_json else write_line
    began = time.monotonic()
    async with scratch_directory("job-orchestrator-demo-") as directory:
        tell("Starting NATS, a server and a client in a temporary directory …")
        async with all_running(_settings(directory)) as ready:
            tell(f"  they are ready: the server answers at {ready.url}\n")
            async with open_server(ready.url) as client:
                result = await _run_job(client, directory, tell)
            if as_json:
                write_json(result)
            else:
                _show(result)
            tell("Stopping everything …")
    tell(f"Done in {time.monotonic() - began:.1f} s; nothing is left behind.")


async def _run_job(
    client: httpx.AsyncClient, directory: Path, tell: Callable[[str], None]
) -> Result:
    inputs = directory / "inputs"
    inputs.mkdir()
    files = write_inputs(inputs)
    names = ", ".join(path.name for path in files)
    tell(f"Submitting a job over HTTP: {names}")
    request = Request(service=_SERVICE, user=_USER)
    job = (await submit_files(client, files, request)).job_id
    tell("What happens to it, as the event log records it:")
    async with contextlib.aclosing(follow_job(client, job)) as events:
        async for sent in events:
            tell(f"  {sent.position:>3}  {sentence(sent.recorded)}")
    return await _fetch(client, job, directory / "results.zip")


async def _fetch(client: httpx.AsyncClient, job_id: str, archive: Path) -> Result:
    job = await fetch_job(client, job_id)
    if job.state != "completed" or job.results is None:
        raise DemoFailedError(why=f"is {job.state}: {job.why}")
    await fetch_archive(client, job, archive)
    manifest = await fetch_manifest(client, job)
    await anyio.to_thread.run_sync(check_archive, archive, manifest)
    with zipfile.ZipFile(archive) as results:
        table = io.StringIO(results.read("contacts.tsv").decode())
        summary = results.read("stdout").decode().strip()
    return Result(
        job_id=job_id,
        summary=summary,
        contacts=tuple(csv.DictReader(table, delimiter="\t")),
        files=len(manifest.entries),
        manifest_sha256=job.results.manifest_sha256,
    )


def _show(result: Result) -> None:
    write_line(f"\nIts result, {result.summary} closer than 5 Å:")
    write_table(
        ("chain A", "chain B", "atom pairs", "nearest (Å)"),
        (
            (
                f"{row['name_a']} {row['residue_a']}",
                f"{row['name_b']} {row['residue_b']}",
                row["atom_pairs"],
                row["nearest"],
            )
            for row in result.contacts
        ),
    )
    write_line(
        f"\nChecked: {result.files} files match the manifest, whose sha256 is in the "
        f"log ({result.manifest_sha256[:12]}…)."
    )


def _settings(directory: Path) -> Settings:
    return Settings(
        server=ServerSettings(port=0, directory=directory / "data"),
        nats=NatsSettings(),
        client=ClientSettings(name="demo", slots=2),
        services={_SERVICE: ServiceSettings()},
    )
