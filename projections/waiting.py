"""Who waits for the fold: to reach a position, or to come to a certain job."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import anyio

from orchestrator.domain.ids import JobId


class Watch:
    """One reader's view of one job: whether anything has happened to it."""

    def __init__(self) -> None:
        self._changed = anyio.Event()

    def set(self) -> None:
        """Say that something has happened."""
        self._changed.set()

    def clear(self) -> None:
        """Forget what has happened so far; call it before reading, not after."""
        self._changed = anyio.Event()

    async def wait(self) -> None:
        """Return once something has happened since the last `clear`."""
        await self._changed.wait()


class Waiting:
    """Everybody who waits; a wake-up carries nothing, so it costs no memory."""

    def __init__(self) -> None:
        self._moved = anyio.Event()
        self._watches: dict[JobId, set[Watch]] = {}

    async def moved(self) -> None:
        """Return when the fold has moved on once more."""
        await self._moved.wait()

    @contextmanager
    def watch(self, job_id: JobId) -> Generator[Watch]:
        """Yield a watch on a job; it counts from here on."""
        watch = Watch()
        self._watches.setdefault(job_id, set()).add(watch)
        try:
            yield watch
        finally:
            watches = self._watches[job_id]
            watches.discard(watch)
            if not watches:
                del self._watches[job_id]

    def wake(self, jobs: Iterable[JobId]) -> None:
        """Wake all who wait for a position, and those who watch one of the jobs."""
        # Swap before setting, so that whoever wakes up waits for the next move.
        moved, self._moved = self._moved, anyio.Event()
        moved.set()
        for job_id in jobs:
            for watch in self._watches.get(job_id, ()):
                watch.set()
