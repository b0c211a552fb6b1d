"""`results`: fetch what a job left, and check it against its manifest."""

import contextlib
import os
from collections.abc import Generator
from functools import partial
from pathlib import Path

import anyio
import httpx
import rich_click as click

from orchestrator.cli.answers import Job
from orchestrator.cli.http_client import open_server
from orchestrator.cli.options import job_argument, json_option, server_option
from orchestrator.cli.output import progress_bar, say, write_json, write_line
from orchestrator.cli.settings import server_url
from orchestrator.cli.wait import fetch_job
from orchestrator.errors import ArchiveMismatchError, LocalFileError
from orchestrator.files.bundle import check_archive
from orchestrator.files.manifest import Manifest, decode_manifest

_CHUNK_BYTES = 1 << 20


@click.command()
@job_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="Where to (default: <number>.zip here).",
)
@click.option("--verify", is_flag=True, help="Check every file's checksum.")
@server_option
@json_option
def results(
    job: str, output: Path | None, server: str | None, *, verify: bool, as_json: bool
) -> None:
    """Fetch a job's results (its id or number) as one zip."""
    target = anyio.run(partial(_fetch, server_url(server), job, output, verify=verify))
    size = target.stat().st_size
    if as_json:
        write_json({"path": str(target), "size": size, "verified": verify})
    else:
        write_line(f"{target} ({size} bytes)")


async def _fetch(url: str, job: str, output: Path | None, *, verify: bool) -> Path:
    async with open_server(url) as client:
        found = await fetch_job(client, job)
        target = _target(output, found)
        await fetch_archive(client, found, target)
        if verify:
            manifest = await fetch_manifest(client, found)
            check_archive(target, manifest)
            say(f"{len(manifest.entries)} entries match their checksums")
    return target


async def fetch_archive(client: httpx.AsyncClient, job: Job, target: Path) -> None:
    """Write the archive to a file, which appears only when it is complete.

    Raises:
        ServerRefusedError: there are no results (yet), and why.
        LocalFileError: it cannot be written here.
    """
    path = f"/jobs/{job.job_id}/results"
    with _whole(target) as part:
        async with client.stream("GET", path) as response:
            length = response.headers.get("Content-Length")
            with progress_bar() as bar, part.open("wb") as file:
                task = bar.add_task("fetching", total=int(length) if length else None)
                async for chunk in response.aiter_bytes(_CHUNK_BYTES):
                    file.write(chunk)
                    bar.advance(task, len(chunk))


async def fetch_manifest(client: httpx.AsyncClient, job: Job) -> Manifest:
    """Return the manifest, which is the one that the job's last event names.

    Raises:
        ArchiveMismatchError: it is another.
    """
    response = await client.get(f"/jobs/{job.job_id}/files")
    manifest = decode_manifest(response.content)
    named = job.results and job.results.manifest_sha256
    if manifest.digest() != named:
        why = f"is not the one of sha256 {named} that the log names"
        raise ArchiveMismatchError(path="the manifest", why=why)
    return manifest


def _target(output: Path | None, job: Job) -> Path:
    name = f"{job.number}.zip"
    if output is None:
        return Path(name)
    return output / name if output.is_dir() else output


@contextlib.contextmanager
def _whole(target: Path) -> Generator[Path]:
    """Return a context with a file beside the target, renamed to it at its good end."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    except OSError as error:
        raise LocalFileError(path=target, why=str(error.strerror)) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
