"""Sees in the log what happens to jobs, as a monitor would, and when that was."""

import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

import anyio
from nats.aio.msg import Msg

from orchestrator import codec
from orchestrator.domain.events import (
    Event,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobStarted,
)
from orchestrator.domain.ids import JobId
from orchestrator.nats_connection import connect

_ENDINGS = (JobCompleted, JobFailed, JobCancelled)


class _Awaited:
    def __init__(self) -> None:
        self.seen = anyio.Event()
        self.at = 0.0


class LogWatch:
    """When each job was seen to start and to end, on the monotonic clock."""

    def __init__(self) -> None:
        self._started: dict[str, _Awaited] = {}
        self._ended: dict[str, _Awaited] = {}
        self.failed: list[Event] = []

    async def started(self, job_id: str) -> float:
        """Return when the job ran, once it does."""
        return await _when(self._started, job_id)

    async def ended(self, job_id: str) -> float:
        """Return when the job was over, once it is."""
        when = await _when(self._ended, job_id)
        assert not self.failed, self.failed
        return when

    def take(self, data: bytes) -> None:
        """Note what a message says."""
        now = time.monotonic()
        event = codec.decode(data, position=0).event
        match event:
            case JobStarted():
                _note(self._started, event.job_id, now)
            case JobCompleted() | JobFailed() | JobCancelled():
                if not isinstance(event, JobCompleted):
                    self.failed.append(event)
                _note(self._ended, event.job_id, now)
            case _:
                pass


async def _when(awaited: dict[str, _Awaited], job_id: str) -> float:
    one = awaited.setdefault(job_id, _Awaited())
    await one.seen.wait()
    del awaited[job_id]
    return one.at


def _note(awaited: dict[str, _Awaited], job_id: JobId, now: float) -> None:
    one = awaited.setdefault(job_id, _Awaited())
    one.at = now
    one.seen.set()


@contextlib.asynccontextmanager
async def watching(nats_url: str) -> AsyncGenerator[LogWatch]:
    """Return a context with a watch on every job, from now on."""
    watch = LogWatch()
    async with connect(nats_url, name="benchmark") as connection:
        await connection.client.subscribe("log.jobs.>", cb=_into(watch.take))
        await connection.client.flush()
        yield watch


def _into(take: Callable[[bytes], None]) -> Callable[[Msg], Awaitable[None]]:
    async def deliver(message: Msg) -> None:
        take(message.data)

    return deliver
