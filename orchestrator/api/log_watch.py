"""Where the log ends, asked after a request came; and how old is what was folded."""

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Never

import anyio

from orchestrator.domain.ids import Position
from orchestrator.errors import LogError

_EVERY_SECONDS = 1.0
_ANSWER_SECONDS = 1.0
# Beyond this, an older one would say nothing that the next one does not.
_MOST_REMEMBERED = 1_000


class LogWatch:
    """Asks the log where it ends: one question at a time, shared by all who wait."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[Position]],
        folded: Callable[[], Position],
    ) -> None:
        """Ask the log with `ask`; `folded` says how far this server has read it."""
        self._ask = ask
        self._folded = folded
        self._asking = anyio.Lock()
        self._begun = 0  # questions so far
        self._answered = 0  # the newest that was answered
        self._end: Position = 0
        self._current_at = -math.inf  # everything from before then has been folded
        self._ends: deque[tuple[Position, float]] = deque(maxlen=_MOST_REMEMBERED)

    async def end(self) -> Position:
        """Return where the log ends, as it said after this was called.

        Raises:
            LogError: it does not say.
        """
        begun = self._begun
        async with self._asking:
            # Whoever waits while a question is asked shares the next one.
            if self._answered <= begun:
                self._begun += 1
                number, asked_at = self._begun, time.monotonic()
                self._end = await self._ask()
                self._answered = number
                self._note(asked_at)
            return self._end

    def age_seconds(self) -> float:
        """Return how long ago this server had certainly read the log to its end.

        What has happened since, it may not know.
        """
        self._look_back()
        return time.monotonic() - self._current_at

    async def run(self) -> Never:
        """Ask now and then, for ever, so that the age is small while the log answers."""
        while True:
            with suppress(LogError), anyio.move_on_after(_ANSWER_SECONDS):
                await self.end()
            await anyio.sleep(_EVERY_SECONDS)

    def _note(self, asked_at: float) -> None:
        self._ends.append((self._end, asked_at))
        self._look_back()

    def _look_back(self) -> None:
        while self._ends and self._ends[0][0] <= self._folded():
            self._current_at = self._ends.popleft()[1]
