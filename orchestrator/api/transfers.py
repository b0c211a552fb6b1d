"""Clients fetch an attempt's inputs here and bring what it left behind."""

import re
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import anyio
from litestar import Response, get, put
from litestar.params import FromPath, HeaderParameter
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
    FileMissingError,
    MalformedRequestError,
    TransferMismatchError,
    TransferRefusedError,
)
from orchestrator.files.manifest import Manifest, decode_manifest, manifest_digest
from orchestrator.files.port import Staged, input_key, manifest_key, result_key
from orchestrator.files.transfer_token import verify
from orchestrator.wire import MANIFEST_LENGTH

_MANIFEST_BYTES = 64 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CLEANUP_SECONDS = 10
# Below this the event loop digests and decodes sooner than a thread is found.
_WORTH_A_THREAD = 64 << 10


class StoredResults(Struct, frozen=True, kw_only=True):
    """The archive, as it is stored durably."""

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
    if not view.bundle.bundle_id:
        raise FileMissingError(key="inputs")  # of a job that was imported as over
    download = Download(
        key=input_key(view.bundle.bundle_id),
        etag=view.bundle.sha256,
        filename=f"{view.number}-inputs.zip",
        media_type="application/zip",
    )
    return await send(api, request, download)


@put(
    "/transfers/{job_id:str}/{attempt:str}/results/{manifest_sha256:str}",
    tags=["transfers"],
    operation_class=BinaryBody,
    responses=problems(401, 408, 413, 422, 507),
)
async def put_results(  # noqa: PLR0913, PLR0917 - what path and header say
    request: HttpRequest,
    job_id: FromPath[str],
    attempt: FromPath[str],
    manifest_sha256: FromPath[str],
    api: Injected[Api],
    manifest_length: Annotated[
        str | None,
        HeaderParameter(name=MANIFEST_LENGTH),
    ] = None,
) -> StoredResults:
    """Store what an attempt left behind, if it is exactly what its manifest says.

    The body is the manifest, as long as the header `Manifest-Length` says, and then
    the archive. It may be sent again.
    """
    number = _authorize(api, request, job_id, attempt)
    name = (JobId(job_id), number, _digest_in(manifest_sha256))
    length = _length_in(manifest_length or "")
    async with aclosing(chunks_of(request)) as chunks:
        encoded, begin = await _split(chunks, length)
        manifest = await _checked(encoded, manifest_sha256)
        staged = await _stage(api, _chained(begin, chunks), manifest)
    try:
        _require("size", expected=manifest.size, found=staged.size)
        _require("sha256", expected=manifest.sha256, found=staged.sha256)
        await _keep(api, encoded, manifest_key(*name))
        await api.files.commit(staged, result_key(*name))
    finally:
        await _discard(api, staged)
    return StoredResults(size=staged.size, sha256=staged.sha256)


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


def _length_in(text: str) -> int:
    length = number_in(text)
    if length is None:
        why = "is not the number of bytes before the archive"
        raise MalformedRequestError(field=MANIFEST_LENGTH, why=why)
    if length > _MANIFEST_BYTES:
        raise BodyTooLargeError(limit=_MANIFEST_BYTES)
    return length


async def _split(chunks: AsyncGenerator[bytes], length: int) -> tuple[bytes, bytes]:
    """Return the manifest, and what has come of the archive with it."""
    head = bytearray()
    # Only for its pauses: reading ends at the length.
    async with aclosing(bounded(chunks, limit=sys.maxsize)) as timed:
        async for chunk in timed:
            head += chunk
            if len(head) >= length:
                break
    return bytes(head[:length]), bytes(head[length:])


async def _checked(encoded: bytes, manifest_sha256: str) -> Manifest:
    if len(encoded) < _WORTH_A_THREAD:
        return _check(encoded, manifest_sha256)
    return await anyio.to_thread.run_sync(_check, encoded, manifest_sha256)


def _check(encoded: bytes, manifest_sha256: str) -> Manifest:
    found = manifest_digest(encoded)
    _require("manifest", expected=manifest_sha256, found=found)
    return decode_manifest(encoded)


async def _chained(
    begin: bytes, chunks: AsyncGenerator[bytes]
) -> AsyncGenerator[bytes]:
    if begin:
        yield begin
    async for chunk in chunks:
        yield chunk


async def _stage(api: Api, chunks: AsyncGenerator[bytes], manifest: Manifest) -> Staged:
    """Return the archive on the stage; reading ends where it grows past its size."""
    try:
        async with (
            aclosing(chunks),
            aclosing(bounded(chunks, limit=manifest.size)) as archive,
        ):
            return await api.files.stage(archive)
    except BodyTooLargeError as error:
        raise TransferMismatchError(
            field="size",
            expected=manifest.size,
            found="larger",
        ) from error


async def _keep(api: Api, encoded: bytes, key: str) -> None:
    staged = await api.files.stage(_once(encoded))
    try:
        await api.files.commit(staged, key)
    finally:
        await _discard(api, staged)


async def _discard(api: Api, staged: Staged) -> None:
    """Leave nothing on the stage; what was committed is not there any more."""
    with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
        await api.files.discard(staged)


async def _once(data: bytes) -> AsyncGenerator[bytes]:
    yield data


def _digest_in(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise TransferMismatchError(
            field="manifest_sha256",
            expected="64 hexadecimal digits",
            found=repr(text),
        )
    return text


def _require(field: str, *, expected: object, found: object) -> None:
    if expected != found:
        raise TransferMismatchError(field=field, expected=expected, found=found)
