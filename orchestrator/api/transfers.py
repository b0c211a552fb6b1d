"""Clients fetch an attempt's inputs here and bring what it left behind."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
from litestar import Response, get, put
from litestar.params import FromPath
from msgspec import Struct

from orchestrator import clock
from orchestrator.api.authentication import PORTAL
from orchestrator.api.downloads import Download, send
from orchestrator.api.freshness import find_job, number_in
from orchestrator.api.injection import Api, HttpRequest, Injected
from orchestrator.api.openapi import BinaryBody, problems
from orchestrator.api.request_body import bounded, chunks_of
from orchestrator.domain.ids import JobId
from orchestrator.errors import (
    BodyTooLargeError,
    ManifestMissingError,
    TransferMismatchError,
    TransferRefusedError,
)
from orchestrator.files.manifest import Manifest, decode_manifest, manifest_digest
from orchestrator.files.port import Staged, input_key, manifest_key, result_key
from orchestrator.files.transfer_token import verify

_MANIFEST_BYTES = 64 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CLEANUP_SECONDS = 10


class StoredBody(Struct, frozen=True, kw_only=True):
    """What was stored durably."""

    size: int
    sha256: str


@get(
    "/transfers/{job_id:str}/{attempt:str}/inputs",
    tags=["transfers"],
    media_type="application/zip",
    responses=problems(401, 404, 416, 503),
)
async def get_inputs(
    request: HttpRequest,
    job_id: FromPath[str],
    attempt: FromPath[str],
    api: Injected[Api],
) -> Response[Any]:
    """Return the bundle of the files that the job was submitted with."""
    _authorize(api, request, job_id, attempt)
    view = await find_job(api, job_id, PORTAL)
    download = Download(
        key=input_key(view.bundle.bundle_id),
        etag=view.bundle.sha256,
        filename=f"{view.number}-inputs.zip",
        media_type="application/zip",
    )
    return await send(api, request, download)


@put(
    "/transfers/{job_id:str}/{attempt:str}/results/{manifest_sha256:str}/manifest",
    tags=["transfers"],
    operation_class=BinaryBody,
    responses=problems(401, 413, 422, 507),
)
async def put_manifest(
    request: HttpRequest,
    job_id: FromPath[str],
    attempt: FromPath[str],
    manifest_sha256: FromPath[str],
    api: Injected[Api],
) -> StoredBody:
    """Store what an archive will hold; comes before the archive, and may be repeated."""
    number = _authorize(api, request, job_id, attempt)
    data = await _read(chunks_of(request), _MANIFEST_BYTES)
    found = await anyio.to_thread.run_sync(manifest_digest, data)
    _require("manifest", expected=manifest_sha256, found=found)
    await anyio.to_thread.run_sync(decode_manifest, data)
    staged = await api.files.stage(_once(data))
    try:
        key = manifest_key(JobId(job_id), number, manifest_sha256)
        await api.files.commit(staged, key)
    finally:
        await _discard(api, staged)
    return StoredBody(size=staged.size, sha256=staged.sha256)


@put(
    "/transfers/{job_id:str}/{attempt:str}/results/{manifest_sha256:str}/archive",
    tags=["transfers"],
    operation_class=BinaryBody,
    responses=problems(401, 408, 409, 413, 422, 507),
)
async def put_archive(
    request: HttpRequest,
    job_id: FromPath[str],
    attempt: FromPath[str],
    manifest_sha256: FromPath[str],
    api: Injected[Api],
) -> StoredBody:
    """Store the archive that a manifest describes, if it is exactly that."""
    number = _authorize(api, request, job_id, attempt)
    _require_digest(manifest_sha256)
    stored = manifest_key(JobId(job_id), number, manifest_sha256)
    manifest = await _manifest(api, stored)
    staged = await _stage(api, request, manifest)
    try:
        _require("size", expected=manifest.size, found=staged.size)
        _require("sha256", expected=manifest.sha256, found=staged.sha256)
        key = result_key(JobId(job_id), number, manifest_sha256)
        await api.files.commit(staged, key)
    finally:
        await _discard(api, staged)
    return StoredBody(size=staged.size, sha256=staged.sha256)


def _authorize(api: Api, request: HttpRequest, job_id: str, attempt: str) -> int:
    """Return the attempt that the request's token is for.

    Raises:
        TransferRefusedError: it is for none, or for another.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    number = number_in(attempt)
    if scheme.lower() != "bearer" or number is None:
        raise TransferRefusedError(why="the header Authorization has none")
    verify(
        api.transfer_secret,
        token.strip(),
        job_id=JobId(job_id),
        attempt=number,
        now=clock.now().wall,
    )
    return number


async def _manifest(api: Api, key: str) -> Manifest:
    if await api.files.size(key) is None:
        raise ManifestMissingError
    data = b"".join([chunk async for chunk in api.files.read(key)])
    return await anyio.to_thread.run_sync(decode_manifest, data)


async def _stage(api: Api, request: HttpRequest, manifest: Manifest) -> Staged:
    """Return the body on the stage; reading ends where it grows past its size."""
    try:
        async with (
            aclosing(chunks_of(request)) as body,
            aclosing(bounded(body, limit=manifest.size)) as chunks,
        ):
            return await api.files.stage(chunks)
    except BodyTooLargeError as error:
        raise TransferMismatchError(
            field="size",
            expected=manifest.size,
            found="larger",
        ) from error


async def _discard(api: Api, staged: Staged) -> None:
    """Leave nothing on the stage; what was committed is not there any more."""
    with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
        await api.files.discard(staged)


async def _read(chunks: AsyncGenerator[bytes], limit: int) -> bytes:
    async with aclosing(chunks), aclosing(bounded(chunks, limit=limit)) as body:
        return b"".join([chunk async for chunk in body])


async def _once(data: bytes) -> AsyncGenerator[bytes]:
    yield data


def _require_digest(text: str) -> None:
    if not _SHA256.fullmatch(text):
        raise TransferMismatchError(
            field="manifest_sha256",
            expected="64 hexadecimal digits",
            found=repr(text),
        )


def _require(field: str, *, expected: object, found: object) -> None:
    if expected != found:
        raise TransferMismatchError(field=field, expected=expected, found=found)
