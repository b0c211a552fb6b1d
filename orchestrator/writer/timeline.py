"""The writer's time: it never goes back and never stands still, whatever clocks do."""

from datetime import timedelta

from orchestrator.domain.ids import Timestamp
from orchestrator.domain.instant import Instant


class Timeline:
    """Stamps events: the clock's time, but never before what was stamped already."""

    def __init__(self, last: Timestamp | None, now: Instant) -> None:
        self._last = max(last, now.wall) if last else now.wall
        self._monotonic_us = now.monotonic_us

    def stamp(self, now: Instant) -> Timestamp:
        """Return this moment: at least as long after the last as really passed."""
        passed = timedelta(microseconds=max(0, now.monotonic_us - self._monotonic_us))
        self._last = max(self._last + passed, now.wall)
        self._monotonic_us = now.monotonic_us
        return self._last
