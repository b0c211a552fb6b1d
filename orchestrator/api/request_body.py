"""Reading a request's body piece by piece, within a size and a time."""

from collections.abc import AsyncGenerator

import anyio

from orchestrator.api.injection import HttpRequest
from orchestrator.errors import BodyTooLargeError, HangUpError, UploadTooSlowError

_PAUSE_SECONDS = 30.0


async def chunks_of(request: HttpRequest) -> AsyncGenerator[bytes]:
    """Yield the body as it comes; whoever reads it bounds its size and time.

    Raises:
        HangUpError: the caller went away before its end.
    """
    more = True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise HangUpError
        more = message["more_body"]
        if message["body"]:
            yield message["body"]


async def bounded(
    chunks: AsyncGenerator[bytes],
    *,
    limit: int,
    pause_seconds: float = _PAUSE_SECONDS,
) -> AsyncGenerator[bytes]:
    """Yield the same pieces, as long as they stay within a size and come in time.

    Raises:
        BodyTooLargeError, UploadTooSlowError.
    """
    size = 0
    while True:
        # Around one step only: a deadline must not stay open across a yield.
        try:
            with anyio.fail_after(pause_seconds):
                chunk = await anext(chunks, None)
        except TimeoutError as error:
            raise UploadTooSlowError(what="pause", seconds=pause_seconds) from error
        if chunk is None:
            return
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError(limit=limit)
        yield chunk
