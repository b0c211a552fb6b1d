"""Receiving an upload: a multipart body is streamed to the stage as one bundle.

A body that is refused, too slow or cut off leaves nothing behind.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from anyio import CapacityLimiter, current_time, fail_after, to_thread
from anyio.lowlevel import RunVar
from msgspec import Struct

from orchestrator.api.upload_intake import BodyLimit, UploadIntake, UploadLimits
from orchestrator.domain.events import Violation
from orchestrator.errors import UploadTooLargeError, UploadTooSlowError
from orchestrator.files.port import FileStore, Staged

__all__ = ["BodyLimit", "Upload", "UploadLimits", "receive_upload"]

# Parsed and hashed in threads: in the event loop itself, fifty uploads at once leave
# everybody else waiting. Two at a time, since more would only wait for each other.
_BLOCK_BYTES = 256 << 10
_MOST_FEEDERS = 2
_FEEDERS = RunVar[CapacityLimiter]("upload_feeders")


class Upload(Struct, frozen=True, kw_only=True):
    """A complete upload, whose bundle waits on the stage: commit or discard it."""

    staged: Staged
    fields: dict[str, str]
    names: tuple[str, ...]
    script: Violation | None  # why `run.sh` cannot be run
    script_sha256: str | None
    digest: str  # of names, contents and fields: the same upload has the same


async def receive_upload(  # noqa: PLR0913 - the request's three facts, and what is ours
    chunks: AsyncIterator[bytes],
    content_type: str,
    limits: UploadLimits,
    store: FileStore,
    *,
    content_length: int | None = None,
    body_limit: BodyLimit | None = None,
) -> Upload:
    """Return what a body says, with its files staged as one bundle.

    `body_limit` gives the limit that follows from the text fields so far; it is asked
    again after each of them. An upload without files is an empty bundle.

    Raises:
        UploadMalformedError: not a multipart form, or not a well-formed one.
        UploadTooLargeError: the body, or a part of it, passes a limit.
        UploadTooSlowError: a pause, or the whole, took too long.
        StorageFullError: there is no room.
    """
    if content_length is not None and content_length > limits.body_bytes:
        raise UploadTooLargeError(what="body", limit=limits.body_bytes)
    intake = UploadIntake(content_type, limits, body_limit)
    async with aclosing(_bundle_bytes(chunks, intake, limits)) as bundle:
        staged = await store.stage(bundle)
    received = intake.received()
    return Upload(
        staged=staged,
        fields=received.fields,
        names=received.names,
        script=received.script,
        script_sha256=received.script_sha256,
        digest=received.digest,
    )


async def _bundle_bytes(
    chunks: AsyncIterator[bytes],
    intake: UploadIntake,
    limits: UploadLimits,
) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(_in_time(chunks, limits)) as body:
            async for block in _blocks(body):
                yield await _feed(intake, block)
        yield intake.finish()
    finally:
        intake.abandon()


async def _blocks(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the beginning as it comes, since it may be refused; then large blocks."""
    size, waiting = 0, bytearray()
    async for chunk in body:
        size += len(chunk)
        if size <= _BLOCK_BYTES:
            yield chunk
            continue
        waiting += chunk
        if len(waiting) >= _BLOCK_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


async def _feed(intake: UploadIntake, block: bytes) -> bytes:
    if len(block) < _BLOCK_BYTES:
        return intake.feed(block)
    return await to_thread.run_sync(intake.feed, block, limiter=_feeders())


def _feeders() -> CapacityLimiter:
    try:
        return _FEEDERS.get()
    except LookupError:
        limiter = CapacityLimiter(_MOST_FEEDERS)
        _FEEDERS.set(limiter)
        return limiter


async def _in_time(
    chunks: AsyncIterator[bytes],
    limits: UploadLimits,
) -> AsyncGenerator[bytes]:
    """Yield the chunks while they come in time; our own work is not counted a pause."""
    deadline = current_time() + limits.total_seconds
    while True:
        left = deadline - current_time()
        if left <= 0:
            raise _too_slow(limits, left)
        try:
            chunk = await _next(chunks, min(limits.pause_seconds, left))
        except TimeoutError:
            raise _too_slow(limits, left) from None
        if chunk is None:
            return
        yield chunk


async def _next(chunks: AsyncIterator[bytes], seconds: float) -> bytes | None:
    # A function of its own: a scope must never be open across a yield.
    with fail_after(seconds):
        return await anext(chunks, None)


def _too_slow(limits: UploadLimits, left: float) -> UploadTooSlowError:
    if left <= limits.pause_seconds:
        return UploadTooSlowError(what="whole body", seconds=limits.total_seconds)
    return UploadTooSlowError(what="pause", seconds=limits.pause_seconds)
