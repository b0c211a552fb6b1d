"""A job's events as they happen, over server-sent events, across interruptions."""

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator

import anyio
import httpx
from msgspec import Struct

from orchestrator import codec
from orchestrator.cli.http_client import job_path
from orchestrator.domain.events import (
    Event,
    Recorded,
)
from orchestrator.domain.job import is_end
from orchestrator.errors import ServerRefusedError

_PATIENCE_SECONDS = 60.0
_AGAIN_AFTER_SECONDS = 0.5
_SERVER_ERROR = 500


class Sent(Struct, frozen=True, kw_only=True):
    """One event, and the position it has in the log."""

    position: int
    recorded: Recorded[Event]


async def follow_job(client: httpx.AsyncClient, job: str) -> AsyncGenerator[Sent]:
    """Yield what happened to a job and what happens, up to its end.

    A server that goes away is waited for; the stream resumes where it broke off.

    Raises:
        ServerUnreachableError: it stays away (translated by `open_server`).
    """
    last, quiet_since = 0, time.monotonic()
    while True:
        try:
            async with contextlib.aclosing(_follow_once(client, job, last)) as stream:
                async for sent in stream:
                    last, quiet_since = sent.position, time.monotonic()
                    yield sent
                    if is_end(sent.recorded.event):
                        return
        except (httpx.TransportError, ServerRefusedError) as error:
            waited = time.monotonic() - quiet_since
            if not _may_pass(error, last) or waited > _PATIENCE_SECONDS:
                raise
        await anyio.sleep(_AGAIN_AFTER_SECONDS)


def _may_pass(error: Exception, last: int) -> bool:
    if isinstance(error, ServerRefusedError):
        return error.status >= _SERVER_ERROR
    return last > 0  # never there: say so at once


async def _follow_once(
    client: httpx.AsyncClient, job: str, after: int
) -> AsyncGenerator[Sent]:
    headers = {"Accept": "text/event-stream"}
    if after:
        headers["Last-Event-ID"] = str(after)
    events = job_path(job, "events")
    async with client.stream("GET", events, headers=headers) as response:
        async for position, data in parse(response.aiter_lines()):
            recorded = codec.decode(data.encode(), position=position)
            yield Sent(position=position, recorded=recorded)


async def parse(lines: AsyncIterator[str]) -> AsyncGenerator[tuple[int, str]]:
    """Yield id and data of each server-sent event; comments are skipped."""
    position, data = 0, list[str]()
    async for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id" and value.isdecimal():
            position = int(value)
        elif field == "data":
            data.append(value)
        elif not line and data:
            yield position, "\n".join(data)
            data.clear()
