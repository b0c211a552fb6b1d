"""A light HTTP client: the load must not cost more than what it measures."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from msgspec import Struct

_BOUNDARY = "------------------------benchmark"
_END = f"\r\n--{_BOUNDARY}--\r\n".encode()
_MOST_HEAD = 64 << 10
_CHUNK = 1 << 20


class NotTakenError(Exception):
    """A server answered something else than 201."""


class LoadConnection:
    """One connection that is kept alive; one request at a time."""

    def __init__(self, stream: SocketStream, host: str) -> None:
        self._stream = stream
        self._received = BufferedByteReceiveStream(stream)
        self._host = host

    async def submit(self, form: bytes) -> str:
        """Return the id of the job that now exists, durably."""
        await self._stream.send(self._head(len(form)) + form)
        return await self._job_id()

    async def submit_large(self, form: "LargeForm") -> str:
        """Return the id of the job; its file is read as it is sent."""
        await self._stream.send(self._head(form.size) + form.begin)
        async with await anyio.open_file(form.path, "rb") as file:
            while chunk := await file.read(_CHUNK):
                await self._stream.send(chunk)
        await self._stream.send(_END)
        return await self._job_id()

    async def drain(self, path: str) -> int:
        """Return the size of a page, whose bytes are dropped as they come."""
        head = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n"
        await self._stream.send(head.encode())
        status, size = await self._answer_head()
        assert status == 200, status
        left = size
        while left:
            left -= len(await self._received.receive(min(left, _CHUNK)))
        return size

    def _head(self, size: int) -> bytes:
        return (
            f"POST /jobs HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
            f"Content-Length: {size}\r\n\r\n"
        ).encode()

    async def _job_id(self) -> str:
        status, size = await self._answer_head()
        body = await self._received.receive_exactly(size)
        if status != 201:
            raise NotTakenError(status, body)
        answer: dict[str, Any] = json.loads(body)
        return str(answer["job_id"])

    async def _answer_head(self) -> tuple[int, int]:
        """Return status and size of what comes."""
        head = await self._received.receive_until(b"\r\n\r\n", _MOST_HEAD)
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]), int(fields.get("content-length", "0"))


@asynccontextmanager
async def open_load(url: str) -> AsyncGenerator[LoadConnection]:
    """Return a context with a connection to a server."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    async with await anyio.connect_tcp(host, port) as stream:
        yield LoadConnection(stream, parts.netloc)


class LargeForm(Struct, frozen=True):
    """The body that submits a job of a small script and a large file."""

    begin: bytes  # up to the file's first byte
    path: Path
    size: int  # of the whole


def job_form(script: str, *, service: str = "bench", user: str = "ada") -> bytes:
    """Return the body that submits a job of one small script."""
    job = json.dumps({"service": service, "user": user})
    return (
        f"--{_BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="job"\r\n\r\n'
        f"{job}\r\n{_file_head('run.sh')}{script}"
    ).encode() + _END


def large_form(script: str, path: Path) -> LargeForm:
    """Return the body that submits a small script and a file of any size."""
    begin = job_form(script).removesuffix(_END) + b"\r\n" + _file_head("data").encode()
    size = len(begin) + path.stat().st_size + len(_END)
    return LargeForm(begin, path, size)


def _file_head(name: str) -> str:
    return (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
