"""Receiving an upload: a multipart body is streamed to the stage as one bundle.

A body that is refused, too slow or cut off leaves nothing behind.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from anyio import current_time, fail_after
from msgspec import Struct

from orchestrator.api.upload_intake import BodyLimit, UploadIntake, UploadLimits
from orchestrator.domain.events import Violation
from orchestrator.errors import UploadTooLargeError, UploadTooSlowError
from orchestrator.files.port import FileStore, Staged

__all__ = ["BodyLimit", "Upload", "UploadLimits", "receive_upload"]


class Upload(Struct, frozen=True, kw_only=True):
    """A complete upload, whose bundle waits on the stage: commit or discard it."""

    staged: Staged
    fields: dict[str, str]
    names: tuple[str, ...]
    script: Violation | None  # why `run.sh` cannot be run
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
        digest=received.digest,
    )


async def _bundle_bytes(
    chunks: AsyncIterator[bytes],
    intake: UploadIntake,
    limits: UploadLimits,
) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(_in_time(chunks, limits)) as body:
            async for chunk in body:
                yield intake.feed(chunk)
        yield intake.finish()
    finally:
        intake.abandon()


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
