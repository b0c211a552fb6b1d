"""A job's events as server-sent events: history, then what happens, up to its end."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import anyio.lowlevel
from litestar.response import ServerSentEventMessage

from orchestrator import codec
from orchestrator.api.injection import Api
from orchestrator.domain.ids import JobId, Position
from orchestrator.domain.job import is_end
from projections.read_models.events import Positioned, type_of

_KEEP_ALIVE_SECONDS = 15.0


async def stream_events(
    api: Api,
    job_id: JobId,
    *,
    after: Position,
    keep_alive_seconds: float = _KEEP_ALIVE_SECONDS,
) -> AsyncGenerator[bytes]:
    """Yield encoded events after a position; end with the job, or with the server.

    Nothing is queued for a slow reader: the history is where it reads on.
    """
    ended = False
    while not (ended or api.stop.is_set()):
        events = api.projector.read_model.follow_job(job_id, after=after)
        async with aclosing(events):
            while not ended and (found := await _next(api, events, keep_alive_seconds)):
                after, recorded = found
                ended = is_end(recorded.event)
                yield _encode(found)
                # Sending to a closed connection never suspends.
                await anyio.lowlevel.checkpoint()
        if not ended:
            # The wait that timed out has ended the iterator: the next one reads on.
            yield ServerSentEventMessage(comment="still here").encode()


async def _next(
    api: Api,
    events: AsyncGenerator[Positioned],
    seconds: float,
) -> Positioned | None:
    """Return the next event; nothing after a while, or when the server stops."""
    found: Positioned | None = None

    async def stop_waiting() -> None:
        await api.stop.wait()
        waiting.cancel_scope.cancel()

    async with anyio.create_task_group() as waiting:
        waiting.start_soon(stop_waiting)
        with anyio.move_on_after(seconds):
            found = await anext(events)
        waiting.cancel_scope.cancel()
    return found


def _encode(found: Positioned) -> bytes:
    position, recorded = found
    return ServerSentEventMessage(
        id=str(position),
        event=type_of(recorded.event),
        data=codec.encode(recorded).decode(),
    ).encode()
