"""One job of the original on its way to our server: its files first, then its history."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import msgspec
from msgspec import Struct

from orchestrator.cli.http_client import job_path, read, retried
from orchestrator.cli.original_jobs import RESULTS, Fate, OriginalJob, inputs
from orchestrator.domain.events import Results
from orchestrator.domain.imported import imported_job_id
from orchestrator.errors import (
    ArchiveMismatchError,
    NotOurServerError,
    ServerRefusedError,
)
from orchestrator.files.collecting import collect
from orchestrator.files.foreign_archive import describe_archive
from orchestrator.files.manifest import Manifest
from orchestrator.wire import MANIFEST_LENGTH

_CHUNK_BYTES = 1 << 20
_NOT_FOUND = 404


class Answer(Struct, frozen=True, kw_only=True):
    """What the server says of a job: where it is, or that its results come first."""

    job_id: str
    number: int | None = None
    state: str | None = None
    token: str | None = None


class Imported(Struct, frozen=True, kw_only=True):
    """What a job is on the server."""

    number: int
    state: str


class Way(Struct, frozen=True):
    """How to get there."""

    client: httpx.AsyncClient
    scratch: Path  # a directory for an archive that is to be made
    advance: Callable[[int], None]  # told how many bytes have arrived


class Archive(Struct, frozen=True, kw_only=True):
    """Results as they will be kept."""

    path: Path
    manifest: Manifest

    @property
    def results(self) -> Results:
        """What the log will say of them."""
        return Results(
            manifest_sha256=self.manifest.digest(),
            size=self.manifest.size,
            files=len(self.manifest.entries),
        )


async def is_there(client: httpx.AsyncClient, job: OriginalJob) -> bool:
    """Say whether the server has the job already."""
    path = job_path(imported_job_id(job.origin, job.number))
    try:
        await retried(lambda: client.get(path))
    except ServerRefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return True


async def bring_over(way: Way, job: OriginalJob, fate: Fate) -> Imported:
    """Return what the server made of a job; its files are taken by then.

    Raises:
        ServerRefusedError: the server does not want it.
        OSError: a file of it cannot be read.
    """
    packed = await anyio.to_thread.run_sync(_pack, job, fate, way.scratch)
    if fate.files == "archive" and packed is None:
        fate = Fate(state="cleaned", reason="results_missing")
    try:
        answer = await _ask(way.client, job, fate, packed)
        if answer.token is not None and packed is not None:
            await _deliver(way, answer, packed)
            answer = await _ask(way.client, job, fate, packed)
    finally:
        if packed is not None and packed.path.parent == way.scratch:
            packed.path.unlink()
    if answer.number is None or answer.state is None:
        url = str(way.client.base_url)
        raise NotOurServerError(url=url, why="it asks for results that it has")
    return Imported(number=answer.number, state=answer.state)


def _pack(job: OriginalJob, fate: Fate, scratch: Path) -> Archive | None:
    match fate.files:
        case "archive":
            path = job.directory / RESULTS
            try:
                return Archive(path=path, manifest=describe_archive(path))
            except ArchiveMismatchError:
                return None
        case "directory":
            path = scratch / f"{job.number}.zip"
            return Archive(path=path, manifest=collect(job.directory, None, None, path))
        case _:
            return None


async def _ask(
    client: httpx.AsyncClient, job: OriginalJob, fate: Fate, packed: Archive | None
) -> Answer:
    document = msgspec.json.encode(
        {
            "origin": job.origin,
            "number": job.number,
            "service": job.service,
            "user": job.user,
            "state": fate.state,
            "created_at": job.created_at,
            "reason": fate.reason,
            "results": packed and packed.results,
        }
    )
    paths = inputs(job) if fate.files == "inputs" else []

    async def ask() -> Answer:
        with ExitStack() as stack:
            parts: list[Any] = [("job", (None, document, "application/json"))]
            for path in paths:
                file = stack.enter_context(path.open("rb"))
                parts.append(("file", (path.name, file, "application/octet-stream")))
            return read(await client.post("/imports", files=parts), Answer)

    return await retried(ask)


async def _deliver(way: Way, answer: Answer, packed: Archive) -> None:
    manifest = packed.manifest.encode()
    digest = packed.results.manifest_sha256
    headers = {
        "Authorization": f"Bearer {answer.token}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(manifest) + packed.manifest.size),
        MANIFEST_LENGTH: str(len(manifest)),
    }

    async def put() -> httpx.Response:
        return await way.client.put(
            f"/transfers/{answer.job_id}/1/results/{digest}",
            content=_chunks(manifest, packed.path, way.advance),
            headers=headers,
        )

    await retried(put)


async def _chunks(
    manifest: bytes, archive: Path, advance: Callable[[int], None]
) -> AsyncIterator[bytes]:
    yield manifest
    async with await anyio.open_file(archive, "rb") as file:
        while chunk := await file.read(_CHUNK_BYTES):
            yield chunk
            advance(len(chunk))
