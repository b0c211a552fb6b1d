"""What has been folded but is not on disk yet, and all that is alive: in memory."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from orchestrator.domain.ids import ClientId, JobId, Position, ServiceName
from orchestrator.errors import LogLiedError
from projections.checkpoint import Checkpoint, advance
from projections.projection import Folded
from projections.read_models.batch import Batch
from projections.read_models.clients import CLIENTS, ClientView
from projections.read_models.events import EventFilter, Positioned, Window
from projections.read_models.jobs import JOBS, JobView, JobWord
from projections.read_models.services import SERVICES, ServiceView

# Of clients that left or were lost, so many stay in memory: whose state directory does
# not outlive them joins as a new one each time.
MOST_GONE = 1_000


class Rows(Struct, frozen=True, kw_only=True):
    """What a start takes from disk: all that can still change."""

    checkpoint: Checkpoint
    live: Sequence[JobView]
    services: Sequence[ServiceView]
    clients: Sequence[ClientView]
    counts: dict[JobWord, int]


class Overlay:
    """The rows in memory; together with those on disk they are the whole fold.

    Live jobs, services and clients stay. Messages, ended jobs and all but the newest of
    the clients that are gone leave as soon as the flush that wrote them is done.
    """

    def __init__(self, rows: Rows) -> None:
        self.checkpoint = rows.checkpoint
        self.flushed = rows.checkpoint.position
        # In the order of submission: a dict keeps it, and no job enters twice.
        self.jobs: dict[JobId, JobView] = {view.job_id: view for view in rows.live}
        self.services: dict[ServiceName, ServiceView] = {
            view.name: view for view in rows.services
        }
        self.clients: dict[ClientId, ClientView] = {
            view.client_id: view for view in rows.clients
        }
        self.counts: Counter[JobWord] = Counter(rows.counts)
        self._numbers = {view.number: view.job_id for view in rows.live}
        self._stored = set(self.jobs)  # live jobs that have a row
        self._tail: list[Folded] = []  # messages after `flushed`
        self._taken = 0  # how many of them a flush has in hand
        self._changed = _Changed()

    @property
    def position(self) -> Position:
        """How far has been folded."""
        return self.checkpoint.position

    @property
    def unflushed(self) -> int:
        """How many messages are held in memory."""
        return len(self._tail)

    @property
    def waiting(self) -> int:
        """How many messages no flush has taken yet."""
        return len(self._tail) - self._taken

    def job_by_number(self, number: int) -> JobView | None:
        """Return the job of this number, if it is in memory."""
        job_id = self._numbers.get(number)
        return None if job_id is None else self.jobs.get(job_id)

    def fold(self, messages: Iterable[Folded]) -> list[JobId]:
        """Take in what is newer than the fold; return the jobs that it is about.

        Raises:
            LogLiedError: a message is missing before one of these.
        """
        position = self.position
        fresh = [message for message in messages if message[0] > position]
        self._require_unbroken(fresh)
        jobs: list[JobId] = []
        for message in fresh:
            if (job_id := JOBS.key(message[1].event)) is not None:
                self._fold_job(job_id, message)
                jobs.append(job_id)
            else:
                self._fold_other(message)
        self._tail.extend(fresh)
        self.checkpoint = advance(self.checkpoint, fresh)
        return jobs

    def _require_unbroken(self, fresh: Sequence[Folded]) -> None:
        for expected, (position, _, _) in enumerate(fresh, start=self.position + 1):
            if position != expected:
                raise LogLiedError(position=expected, why="this message is missing")

    def _fold_other(self, message: Folded) -> None:
        position, recorded, _ = message
        if (name := SERVICES.key(recorded.event)) is not None:
            view = SERVICES.evolve(self.services.get(name), position, recorded)
            if view is not None:
                self.services[name] = self._changed.services[name] = view
        elif (client_id := CLIENTS.key(recorded.event)) is not None:
            view = CLIENTS.evolve(self.clients.get(client_id), position, recorded)
            if view is not None:
                self.clients.pop(client_id, None)  # whoever changed last stands last
                self.clients[client_id] = self._changed.clients[client_id] = view

    def _fold_job(self, job_id: JobId, message: Folded) -> None:
        position, recorded, _ = message
        before = self.jobs.get(job_id)
        view = JOBS.evolve(before, position, recorded)
        if view is None or view is before:
            return
        if before is None:
            self._numbers[view.number] = job_id
        else:
            self.counts[before.state] -= 1
        self.counts[view.state] += 1
        self.jobs[job_id] = self._changed.jobs[job_id] = view

    def take(self, *, live_jobs: bool = True) -> Batch:
        """Return everything that no flush has taken; one flush at a time.

        Without the live jobs, which are still to be taken then: each will be
        written once, but until they are the rows are not those of the checkpoint.
        """
        changed, self._changed = self._changed, _Changed()
        if not live_jobs:
            later = {key: view for key, view in changed.jobs.items() if not view.ended}
            self._changed.jobs.update(later)
            changed.jobs = {
                key: view for key, view in changed.jobs.items() if view.ended
            }
        messages = self._tail[self._taken :]
        self._taken = len(self._tail)
        jobs = changed.jobs.values()
        return Batch(
            checkpoint=self.checkpoint,
            messages=messages,
            new_jobs=[view for view in jobs if view.job_id not in self._stored],
            changed_jobs=[view for view in jobs if view.job_id in self._stored],
            services=list(changed.services.values()),
            clients=list(changed.clients.values()),
        )

    def forget(self, batch: Batch) -> None:
        """Let go of what a flush has written and nothing can change any more."""
        self.flushed = batch.checkpoint.position
        del self._tail[: len(batch.messages)]
        self._taken -= len(batch.messages)
        for view in (*batch.new_jobs, *batch.changed_jobs):
            if view.ended:
                del self.jobs[view.job_id]
                del self._numbers[view.number]
                self._stored.discard(view.job_id)
            else:
                self._stored.add(view.job_id)
        if batch.clients:
            self._forget_gone()

    def _forget_gone(self) -> None:
        gone = [key for key, view in self.clients.items() if view.status != "joined"]
        for client_id in gone[:-MOST_GONE]:
            if client_id not in self._changed.clients:
                del self.clients[client_id]

    def give_back(self, batch: Batch) -> None:
        """Take back what a flush could not write: the next one has it again."""
        self._taken -= len(batch.messages)
        changed = self._changed
        for job in (*batch.new_jobs, *batch.changed_jobs):
            changed.jobs.setdefault(job.job_id, job)
        for service in batch.services:
            changed.services.setdefault(service.name, service)
        for client in batch.clients:
            changed.clients.setdefault(client.client_id, client)

    def events(self, wanted: EventFilter, window: Window) -> list[Positioned]:
        """Return the events in a window of memory that a filter lets pass."""
        found: list[Positioned] = []
        start = bisect_right(self._tail, window.after, key=lambda message: message[0])
        for index in range(start, len(self._tail)):
            position, recorded, _ = self._tail[index]
            if position > window.last or len(found) == window.limit:
                break
            if wanted.admits(recorded.event):
                found.append((position, recorded))
        return found


class _Changed(Struct, kw_only=True):
    """The views that differ from their rows on disk."""

    jobs: dict[JobId, JobView] = {}
    services: dict[ServiceName, ServiceView] = {}
    clients: dict[ClientId, ClientView] = {}
