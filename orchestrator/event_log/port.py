"""What the rest of the system asks of an event log."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Draft(Struct, frozen=True, gc=False):
    """A message that is to be appended."""

    subject: str
    data: bytes


class Message(Struct, frozen=True, gc=False):
    """A message as the log holds it; `position` counts from 1."""

    position: int
    subject: str
    data: bytes


class LogEnd(Struct, frozen=True):
    """Where the log ends, and whether it is still the log it was."""

    position: int  # 0 when empty
    created_at: datetime
    first_position: int
    deleted: int  # holes; a healthy log has none


class EventLog(Protocol):
    """An append-only sequence of messages with one fence over the whole of it."""

    async def append(self, drafts: Sequence[Draft], *, expected: int) -> int:
        """Store all drafts or none, if the log still ends at `expected`.

        Returns the position of the last one: `expected + len(drafts)`.

        Raises:
            FenceError: somebody else has written; nothing was stored.
            LogFullError, EventTooLargeError: refused for good; nothing was stored.
            AppendDoubtError: timed out, disconnected; it may have been stored.
        """
        ...

    def follow(
        self,
        after: int,
        subjects: Sequence[str] = (">",),
    ) -> AsyncIterator[Sequence[Message]]:
        """Yield everything after a position, in order, once, in batches; for ever.

        Survives restarts of the log's server. An exception in the consumer's own
        code ends the iteration: nothing is skipped.
        """
        ...

    async def end(self) -> LogEnd:
        """Return where the log ends now, as its leader says (never a stale copy)."""
        ...

    async def read(self, position: int) -> Message | None:
        """Return the message at a position, or nothing where there is none."""
        ...
