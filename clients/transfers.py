"""Inputs and results over HTTP, streamed, with the token of an attempt."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx

from clients.inputs import AttemptKey, Problem
from clients.workspace import Workspace
from orchestrator.errors import TransferFailedError
from orchestrator.wire import Fetched

_CHUNK_BYTES = 1 << 20
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
# uvicorn drops an idle connection after 5 s; one that we drop first is never in doubt.
_LIMITS = httpx.Limits(max_connections=16, keepalive_expiry=4.0)
_UNPROCESSABLE = 422
_GONE = {404, 410, _UNPROCESSABLE}
_UNAUTHORIZED = {401, 403}


class Transfers:
    """The files that go between this client and the server."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def download(self, key: AttemptKey, fetched: Fetched, target: Path) -> None:
        """Bring an attempt's inputs into a file, and check that they are right.

        Raises:
            TransferFailedError: they are not there, or not whole.
            OSError: the disk does not take them.
        """
        with _trouble_as_error():
            async with self._client.stream(
                "GET", f"{_path(key)}/inputs", headers=_headers(fetched.token)
            ) as answer:
                if not answer.is_success:
                    status = answer.status_code
                    raise TransferFailedError(
                        problem=_problem(status, gone=_GONE), why=f"status {status}"
                    )
                found = await _save(answer, target)
        if found != fetched.bundle_sha256:
            raise TransferFailedError(
                problem="trouble", why=f"the inputs have sha256 {found}"
            )

    async def deliver(self, key: AttemptKey, token: str, workspace: Workspace) -> None:
        """Bring manifest and archive to the server; both are durable on return.

        Raises:
            TransferFailedError: the server did not take them.
            OSError: they cannot be read.
        """
        try:
            manifest = await anyio.to_thread.run_sync(workspace.manifest.read_bytes)
            archive = await anyio.to_thread.run_sync(workspace.archive.stat)
        except FileNotFoundError as error:
            # Collecting anew says whether there is anything left.
            raise TransferFailedError(problem="rejected", why=str(error)) from error
        place = f"{_path(key)}/results/{hashlib.sha256(manifest).hexdigest()}"
        await self._put(f"{place}/manifest", token, manifest)
        await self._put(
            f"{place}/archive", token, _chunks(workspace.archive), archive.st_size
        )

    async def _put(
        self,
        path: str,
        token: str,
        content: bytes | AsyncIterator[bytes],
        size: int | None = None,
    ) -> None:
        headers = _headers(token)
        if size is not None:
            headers |= {"Content-Length": str(size), "Content-Type": "application/zip"}
        else:
            headers |= {"Content-Type": "application/json"}
        with _trouble_as_error():
            answer = await self._client.put(path, content=content, headers=headers)
        status = answer.status_code
        if not answer.is_success:
            problem = "rejected" if status == _UNPROCESSABLE else None
            raise TransferFailedError(
                problem=problem or _problem(status, gone={404, 409, 410}),
                why=f"status {status}",
            )


@asynccontextmanager
async def open_transfers(server_url: str) -> AsyncGenerator[Transfers]:
    """Return a context with transfers from and to the server at this address."""
    async with httpx.AsyncClient(
        base_url=server_url,
        timeout=_TIMEOUT,
        limits=_LIMITS,
        trust_env=False,  # the environment is read in one place, and it is not here
    ) as client:
        yield Transfers(client)


async def _save(answer: httpx.Response, target: Path) -> str:
    digest = hashlib.sha256()
    with await anyio.to_thread.run_sync(target.open, "wb") as file:

        def keep(chunk: bytes) -> None:
            digest.update(chunk)
            file.write(chunk)

        async for chunk in answer.aiter_bytes(_CHUNK_BYTES):
            await anyio.to_thread.run_sync(keep, chunk)
    return digest.hexdigest()


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(_CHUNK_BYTES):
            yield chunk


@contextmanager
def _trouble_as_error() -> Generator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        raise TransferFailedError(problem="trouble", why=why) from error


def _problem(status: int, *, gone: set[int]) -> Problem:
    if status in gone:
        return "gone"
    return "unauthorized" if status in _UNAUTHORIZED else "trouble"


def _path(key: AttemptKey) -> str:
    job_id, attempt = key
    return f"/transfers/{quote(job_id, safe='')}/{attempt}"


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
