"""A log in memory that can be out of reach, or keep its answers to itself."""

from collections.abc import Sequence
from typing import override

from orchestrator.errors import AppendDoubtError, LogUnreachableError
from orchestrator.event_log.memory import MemoryLog
from orchestrator.event_log.port import Draft, LogEnd


class UnreliableLog(MemoryLog):
    """Does what its fields say, until they say otherwise."""

    def __init__(self, *, max_bytes: int | None = None) -> None:
        super().__init__(max_bytes=max_bytes)
        self.unreachable = False
        self.answers_to_lose = 0  # of writes that are stored
        self.writes_to_lose = 0
        self.refused_while_unreachable = 0

    @override
    async def append(self, drafts: Sequence[Draft], *, expected: int) -> int:
        if self.unreachable:
            raise AppendDoubtError(why="cut off")
        if self.writes_to_lose:
            self.writes_to_lose -= 1
            raise AppendDoubtError(why="lost on the way")
        position = await super().append(drafts, expected=expected)
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            raise AppendDoubtError(why="lost on the way back")
        return position

    @override
    async def end(self) -> LogEnd:
        if self.unreachable:
            self.refused_while_unreachable += 1
            raise LogUnreachableError(url="memory", why="cut off")
        return await super().end()
