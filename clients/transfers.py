"""Inputs and results over HTTP, streamed, with the token of an attempt."""

import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx
from msgspec import Struct

from clients.inputs import AttemptKey, Problem
from clients.workspace import Workspace
from orchestrator.errors import TransferFailedError
from orchestrator.wire import MANIFEST_LENGTH, Fetched

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

    async def download(
        self, key: AttemptKey, fetched: Fetched, workspace: Workspace
    ) -> None:
        """Bring an attempt's inputs, check that they are right, and unpack them.

        Raises:
            TransferFailedError: they are not there, or not whole.
            BundleUnsafeError, BundleBrokenError: they cannot be unpacked.
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
                inputs = await _received(answer, workspace)
        found = inputs.digest()
        if found != fetched.bundle_sha256:
            raise TransferFailedError(
                problem="trouble", why=f"the inputs have sha256 {found}"
            )
        await anyio.to_thread.run_sync(inputs.unpack)

    async def deliver(self, key: AttemptKey, token: str, workspace: Workspace) -> None:
        """Bring manifest and archive to the server; both are durable on return.

        Raises:
            TransferFailedError: the server did not take them.
            OSError: they cannot be read.
        """
        try:
            made = await anyio.to_thread.run_sync(_read, workspace)
        except FileNotFoundError as error:
            # Collecting anew says whether there is anything left.
            raise TransferFailedError(problem="rejected", why=str(error)) from error
        place = f"{_path(key)}/results/{hashlib.sha256(made.manifest).hexdigest()}"
        content = made.first if made.whole else _rest_of(made, workspace.archive)
        length = len(made.manifest)
        headers = _headers(token) | {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(length + made.size),
            MANIFEST_LENGTH: str(length),
        }
        await self._put(place, content, headers)

    async def _put(
        self,
        path: str,
        content: bytes | AsyncIterator[bytes],
        headers: dict[str, str],
    ) -> None:
        with _trouble_as_error():
            answer = await self._client.put(path, content=content, headers=headers)
        status = answer.status_code
        if not answer.is_success:
            problem = "rejected" if status == _UNPROCESSABLE else None
            raise TransferFailedError(
                problem=problem or _problem(status, gone={404, 410}),
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


async def _received(answer: httpx.Response, workspace: Workspace) -> "_Inputs":
    inputs = _Inputs(workspace)
    async for chunk in answer.aiter_bytes(_CHUNK_BYTES):
        if inputs.take(chunk):
            await anyio.to_thread.run_sync(inputs.write)
    return inputs


class _Inputs:
    """A bundle on its way to the disk; a small one waits for its unpacking.

    For each turn in a thread costs time.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._sha256 = hashlib.sha256()
        self._waiting = b""
        self._begun = False

    def take(self, chunk: bytes) -> bool:
        """Take what comes next; return whether there is enough to be written."""
        self._waiting += chunk
        return len(self._waiting) >= _CHUNK_BYTES

    def write(self) -> None:
        """Write what waits; the first time, to a fresh workspace."""
        if not self._begun:
            self._workspace.prepare()
        self._sha256.update(self._waiting)
        with self._workspace.bundle.open("ab") as file:
            file.write(self._waiting)
        self._begun, self._waiting = True, b""

    def digest(self) -> str:
        """Return the sha256 of all that was taken."""
        sha256 = self._sha256.copy()
        sha256.update(self._waiting)
        return sha256.hexdigest()

    def unpack(self) -> None:
        """Write the rest, and turn the bundle into the job's directory."""
        self.write()
        self._workspace.unpack()


class _Made(Struct, frozen=True):
    """What is delivered: the manifest, and how the archive begins."""

    manifest: bytes
    begin: bytes
    size: int

    @property
    def whole(self) -> bool:
        return len(self.begin) == self.size

    @property
    def first(self) -> bytes:
        return self.manifest + self.begin


def _read(workspace: Workspace) -> _Made:
    with workspace.archive.open("rb") as archive:
        return _Made(
            manifest=workspace.manifest.read_bytes(),
            begin=archive.read(_CHUNK_BYTES),
            size=os.fstat(archive.fileno()).st_size,
        )


async def _rest_of(made: _Made, archive: Path) -> AsyncIterator[bytes]:
    yield made.first
    async with await anyio.open_file(archive, "rb") as file:
        await file.seek(len(made.begin))
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
