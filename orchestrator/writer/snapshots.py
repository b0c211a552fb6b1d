"""When the writer's state is kept on disk, so that a start need not fold it all."""

import hashlib
import time

import anyio
import anyio.to_thread
import structlog
from msgspec import Struct

from orchestrator import clock
from orchestrator.domain.ids import Position
from orchestrator.writer import snapshot
from orchestrator.writer.snapshot import Captured
from orchestrator.writer.state import WriterState
from projections.projector import Projector

logger = structlog.stdlib.get_logger()

_EVERY_EVENTS = 50_000
_EVERY_US = 60_000_000


class _Encoded(Struct, frozen=True, kw_only=True):
    position: Position
    state: bytes
    sha256: str
    live_jobs: int


class SnapshotSchedule:
    """Takes a snapshot now and then, and keeps only what the log has acknowledged.

    `run` is its task: it encodes in a thread, while the writer goes on.
    """

    def __init__(
        self, projector: Projector, *, every_events: int = _EVERY_EVENTS
    ) -> None:
        self._projector = projector
        self._every_events = every_events
        self._last: Position = 0
        self._last_us = clock.now().monotonic_us
        self._captured: Captured | None = None
        self._is_captured = anyio.Event()
        self._encoded: _Encoded | None = None

    def begin(self, position: Position) -> None:
        """Start anew from a state that was loaded or thrown away."""
        self._captured = self._encoded = None
        self._noted(position)

    def offer(self, state: WriterState, acknowledged: Position) -> None:
        """Take one when it is time; store it once every event in it is acknowledged."""
        if self._encoded is not None:
            if self._encoded.position <= acknowledged:
                self._store(self._encoded)
                self._encoded = None
        elif self._captured is None and self._is_due(state.position):
            self._noted(state.position)
            self._captured = snapshot.capture(state)
            self._is_captured.set()

    async def run(self) -> None:
        """Encode whatever was captured, for ever."""
        while True:
            await self._is_captured.wait()
            self._is_captured = anyio.Event()
            captured = self._captured
            if captured is None:
                continue
            encoded = await anyio.to_thread.run_sync(
                _encode, captured, abandon_on_cancel=True
            )
            if self._captured is captured:  # else its state was thrown away meanwhile
                self._captured, self._encoded = None, encoded

    def take_last(self, state: WriterState, acknowledged: Position) -> None:
        """Store the state as the server stops, unless the log may refuse part of it."""
        if self._last < state.position == acknowledged:
            self._store(_encode(snapshot.capture(state)))

    def _store(self, encoded: _Encoded) -> None:
        # Whoever folds the log up to this position must come to the same digest.
        logger.info(
            "snapshot.taken",
            position=encoded.position,
            sha256=encoded.sha256,
            size=len(encoded.state),
            live_jobs=encoded.live_jobs,
        )
        self._projector.store_snapshot(encoded.position, encoded.state)

    def _is_due(self, position: Position) -> bool:
        if position - self._last >= self._every_events:
            return True
        elapsed_us = clock.now().monotonic_us - self._last_us
        return position > self._last and elapsed_us >= _EVERY_US

    def _noted(self, position: Position) -> None:
        self._last, self._last_us = position, clock.now().monotonic_us


def _encode(captured: Captured) -> _Encoded:
    digest, pieces = hashlib.sha256(), list[bytes]()
    for piece in snapshot.parts(captured):
        digest.update(piece)
        pieces.append(piece)
        time.sleep(0)  # without it, the event loop would wait for us again and again
    return _Encoded(
        position=captured.position,
        state=b"".join(pieces),
        sha256=digest.hexdigest(),
        live_jobs=len(captured.live),
    )
