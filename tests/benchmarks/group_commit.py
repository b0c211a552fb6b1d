"""The bare form of group commit: what waits goes out together, one write in flight."""

from collections import deque
from collections.abc import Sequence

import anyio

from orchestrator.event_log.port import Draft, EventLog
from orchestrator.writer.unit import MOST_IN_BATCH, MOST_SINGLES


class GroupCommit:
    """Appends for many callers, behind the fence; nothing is decided."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._waiting: deque[tuple[Draft, anyio.Event | None]] = deque()
        self._work = anyio.Event()

    async def append(self, drafts: Sequence[Draft]) -> None:
        """Return once these are stored."""
        stored = anyio.Event()
        self._waiting.extend((draft, None) for draft in drafts[:-1])
        self._waiting.append((drafts[-1], stored))
        self._work.set()
        await stored.wait()

    async def run(self) -> None:
        """Write whatever waits, for ever."""
        end = (await self._log.end()).position
        while True:
            await self._work.wait()
            self._work = anyio.Event()
            while self._waiting:
                few = len(self._waiting) <= MOST_SINGLES
                size = 1 if few else min(len(self._waiting), MOST_IN_BATCH)
                taken = [self._waiting.popleft() for _ in range(size)]
                drafts = [draft for draft, _ in taken]
                end = await self._log.append(drafts, expected=end)
                for _, stored in taken:
                    if stored is not None:
                        stored.set()
