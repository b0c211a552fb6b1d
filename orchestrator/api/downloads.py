"""Sending a stored file: whole, in part, or not at all because the caller has it."""

import re
from collections.abc import AsyncGenerator
from typing import Any

import anyio.lowlevel
from litestar import Response
from litestar.response import Stream
from msgspec import Struct

from orchestrator.api.injection import Api, HttpRequest
from orchestrator.errors import FileMissingError, RangeUnsatisfiableError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class Download(Struct, frozen=True, kw_only=True):
    """A file under a key whose content never changes."""

    key: str
    etag: str
    filename: str  # one of ours, never a user's
    media_type: str


async def send(api: Api, request: HttpRequest, download: Download) -> Response[Any]:
    """Return the file, the range of it that was asked for, or "not modified".

    Raises:
        FileMissingError: the store does not have it.
        RangeUnsatisfiableError: the range begins after its end.
    """
    size = await api.files.size(download.key)
    if size is None:
        raise FileMissingError(key=download.key)
    headers = {"ETag": f'"{download.etag}"', "Accept-Ranges": "bytes"}
    if _is_known(request, headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    start, end = _wanted(request, headers["ETag"], size)
    if (start, end) != (0, size):
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    headers["Content-Disposition"] = f'attachment; filename="{download.filename}"'
    return Stream(
        _read(api, download.key, start, end),
        status_code=206 if "Content-Range" in headers else 200,
        media_type=download.media_type,
        headers=headers,
    )


async def _read(api: Api, key: str, start: int, end: int) -> AsyncGenerator[bytes]:
    async for chunk in api.files.read(key, start=start, end=end):
        yield chunk
        # Sending to a closed connection never suspends.
        await anyio.lowlevel.checkpoint()


def _is_known(request: HttpRequest, etag: str) -> bool:
    known = request.headers.get("If-None-Match", "")
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return etag in tags or "*" in tags


def _wanted(request: HttpRequest, etag: str, size: int) -> tuple[int, int]:
    """Return start and end; several ranges, or one of another file, mean the whole."""
    if request.headers.get("If-Range", etag) != etag:
        return 0, size
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or found[0] == "bytes=-":
        return 0, size
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last or size) + 1, size)
    if last and first and int(last) < int(first):
        return 0, size  # malformed: to be ignored
    if start >= size:
        raise RangeUnsatisfiableError(size=size)
    return start, end
