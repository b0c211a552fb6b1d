"""How far a file has folded, and whether the log is still the one it folded."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, structs

from orchestrator.domain.ids import Position
from orchestrator.errors import LogLiedError
from orchestrator.event_log.port import EventLog, LogEnd, Message
from projections.projection import Folded


class Checkpoint(Struct, frozen=True, kw_only=True):
    """The last message that a file has folded, and what identifies all up to it."""

    position: Position = 0
    sha256: str = ""  # of the message at the position
    digest: str = ""  # running, over every message from the first
    log_created_at: datetime | None = None  # unknown until the log was asked


def advance(checkpoint: Checkpoint, messages: Sequence[Folded]) -> Checkpoint:
    """Return the checkpoint after some more messages, in any batching the same."""
    if not messages:
        return checkpoint
    digest = bytes.fromhex(checkpoint.digest)
    for _, _, data in messages:
        digest = hashlib.sha256(digest + data).digest()
    position, _, last = messages[-1]
    return structs.replace(
        checkpoint,
        position=position,
        sha256=hashlib.sha256(last).hexdigest(),
        digest=digest.hex(),
    )


async def verify(checkpoint: Checkpoint, log: EventLog) -> LogEnd:
    """Return the log's end, after asking whether it is still the log we folded.

    Raises:
        LogLiedError: it has lost or changed what it once acknowledged.
    """
    end = await log.end()
    message = None
    if 0 < checkpoint.position <= end.position:
        message = await log.read(checkpoint.position)
    check(checkpoint, end, message)
    return end


def check(checkpoint: Checkpoint, end: LogEnd, message: Message | None) -> None:
    """Compare a checkpoint with the log's end and its message at the checkpoint.

    Raises:
        LogLiedError: it has lost or changed what it once acknowledged.
    """
    if checkpoint.position:
        _require_same_log(checkpoint, end)
        _require_same_message(checkpoint, message)
    if end.deleted:
        raise LogLiedError(
            position=checkpoint.position,
            why=f"{end.deleted} of its messages were deleted",
        )
    if end.position and end.first_position > checkpoint.position + 1:
        raise LogLiedError(
            position=checkpoint.position + 1,
            why=f"it begins at position {end.first_position} only",
        )


def _require_same_log(checkpoint: Checkpoint, end: LogEnd) -> None:
    if checkpoint.log_created_at not in (None, end.created_at):
        raise LogLiedError(
            position=checkpoint.position,
            why=f"its stream was created anew at {end.created_at.isoformat()}",
        )
    if end.position < checkpoint.position:
        raise LogLiedError(
            position=checkpoint.position,
            why=f"it ends at position {end.position}, before what it acknowledged",
        )


def _require_same_message(checkpoint: Checkpoint, message: Message | None) -> None:
    if message is None:
        raise LogLiedError(
            position=checkpoint.position,
            why="it holds no message where it held one",
        )
    if hashlib.sha256(message.data).hexdigest() != checkpoint.sha256:
        raise LogLiedError(
            position=checkpoint.position,
            why="the message there is another one",
        )
