"""The event log in memory: for tests, for simulation, and as the port's plain words."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import override

import anyio
import anyio.lowlevel

from orchestrator.errors import (
    EventTooLargeError,
    FenceError,
    LogFullError,
    LogLiedError,
)
from orchestrator.event_log.port import Draft, EventLog, LogEnd, Message

_BATCH = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryLog(EventLog):
    """An event log that ends with its process."""

    def __init__(
        self,
        *,
        created_at: datetime = _EPOCH,
        max_event_bytes: int = 1 << 20,
        max_bytes: int | None = None,
    ) -> None:
        self._created_at = created_at
        self._max_event_bytes = max_event_bytes
        self._max_bytes = max_bytes
        self._messages: list[Message] = []
        self._bytes = 0
        self._appended = anyio.Event()

    @override
    async def append(self, drafts: Sequence[Draft], *, expected: int) -> int:
        # Before the check, so that nothing comes between check and store.
        await anyio.lowlevel.checkpoint()
        self._require_fit(drafts)
        if expected != len(self._messages):
            raise FenceError(expected=expected)
        for position, draft in enumerate(drafts, start=expected + 1):
            self._messages.append(Message(position, draft.subject, draft.data))
            self._bytes += len(draft.data)
        # Swap before setting, so that whoever wakes up waits for the next append.
        appended, self._appended = self._appended, anyio.Event()
        appended.set()
        return len(self._messages)

    def _require_fit(self, drafts: Sequence[Draft]) -> None:
        sizes = [len(draft.data) for draft in drafts]
        if max(sizes) > self._max_event_bytes:
            raise EventTooLargeError(size=max(sizes), limit=self._max_event_bytes)
        if self._max_bytes is not None and self._bytes + sum(sizes) > self._max_bytes:
            raise LogFullError

    @override
    async def follow(
        self,
        after: int,
        subjects: Sequence[str] = (">",),
    ) -> AsyncGenerator[Sequence[Message]]:
        if after > len(self._messages):
            raise LogLiedError(position=after, why="it ends before this position")
        while True:
            await anyio.lowlevel.checkpoint()
            appended = self._appended
            read = self._messages[after : after + _BATCH]
            after += len(read)
            if wanted := [one for one in read if _wanted(one.subject, subjects)]:
                yield wanted
            elif not read:
                await appended.wait()

    @override
    async def end(self) -> LogEnd:
        await anyio.lowlevel.checkpoint()
        return LogEnd(
            position=len(self._messages),
            created_at=self._created_at,
            first_position=1,
            deleted=0,
        )

    @override
    async def read(self, position: int) -> Message | None:
        await anyio.lowlevel.checkpoint()
        if 1 <= position <= len(self._messages):
            return self._messages[position - 1]
        return None


def _wanted(subject: str, patterns: Sequence[str]) -> bool:
    """Return whether a subject fits one of the patterns, as NATS would say.

    >>> _wanted("jobs.haddock.1", ["jobs.>"]), _wanted("jobs.haddock.1", ["jobs.*"])
    (True, False)
    >>> _wanted("jobs", ["jobs.>"]), _wanted("jobs.a.1", ["writer", "jobs.*.1"])
    (False, True)
    """
    tokens = subject.split(".")
    return any(_fits(tokens, pattern.split(".")) for pattern in patterns)


def _fits(tokens: Sequence[str], pattern: Sequence[str]) -> bool:
    if pattern[-1] == ">":
        pattern = pattern[:-1]
        if len(tokens) <= len(pattern):
            return False
        tokens = tokens[: len(pattern)]
    return len(tokens) == len(pattern) and all(
        want in ("*", token) for token, want in zip(tokens, pattern, strict=True)
    )
