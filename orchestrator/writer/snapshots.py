"""When the writer's state is kept on disk, so that a start need not fold it all."""

from orchestrator import clock
from orchestrator.domain.ids import Position
from orchestrator.writer import snapshot
from orchestrator.writer.state import WriterState
from projections.projector import Projector

_EVERY_EVENTS = 50_000
_EVERY_US = 60_000_000


class SnapshotSchedule:
    """Takes a snapshot now and then, and keeps only what the log has acknowledged."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._last: Position = 0
        self._last_us = clock.now().monotonic_us
        self._pending: tuple[Position, bytes] | None = None

    def begin(self, position: Position) -> None:
        """Start anew from a state that was loaded or thrown away."""
        self._last, self._pending = position, None
        self._last_us = clock.now().monotonic_us

    def offer(self, state: WriterState, acknowledged: Position) -> None:
        """Take one when it is time; store it once every event in it is acknowledged."""
        if self._pending is not None:
            if self._pending[0] <= acknowledged:
                self._projector.store_snapshot(*self._pending)
                self._pending = None
        elif self._is_due(state.position):
            self._take(state)

    def take_last(self, state: WriterState, acknowledged: Position) -> None:
        """Store the state as the server stops, unless the log may refuse part of it."""
        if self._last < state.position == acknowledged:
            self._projector.store_snapshot(state.position, snapshot.take(state))

    def _is_due(self, position: Position) -> bool:
        if position - self._last >= _EVERY_EVENTS:
            return True
        elapsed_us = clock.now().monotonic_us - self._last_us
        return position > self._last and elapsed_us >= _EVERY_US

    def _take(self, state: WriterState) -> None:
        self._pending = (state.position, snapshot.take(state))
        self._last, self._last_us = state.position, clock.now().monotonic_us
