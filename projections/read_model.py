"""Every question about jobs, history, services and clients, answered up to now.

What is in memory is newer than what is on disk. Each answer looks at memory first and
at the disk after, so that a row on its way from one to the other is never missed.
"""

from collections.abc import AsyncGenerator, Iterable
from functools import partial
from itertools import islice

from duckdb import DuckDBPyConnection

from orchestrator.domain.commands import ArchivedJob
from orchestrator.domain.ids import ClientId, JobId, Position, ServiceName
from projections.overlay import Overlay
from projections.read_models import events, job_rows
from projections.read_models.clients import ClientView
from projections.read_models.database import Database
from projections.read_models.events import EventFilter, Positioned, Window
from projections.read_models.job_rows import JobFilter
from projections.read_models.jobs import JobView, JobWord
from projections.read_models.services import ServiceView
from projections.waiting import Waiting

PAGE = 100
_AT_ONCE = 1_000
_EVERY_JOB = JobFilter()
_EVERY_EVENT = EventFilter()


class ReadModel:
    """The rows of the fold as of `position`, wherever they are kept."""

    def __init__(self, database: Database, overlay: Overlay, waiting: Waiting) -> None:
        self._database = database
        self._overlay = overlay
        self._waiting = waiting

    @property
    def position(self) -> Position:
        """How far the answers go."""
        return self._overlay.position

    async def job(self, job_id: JobId) -> JobView | None:
        """Return the job of this id, if there is one."""
        if (view := self._overlay.jobs.get(job_id)) is not None:
            return view
        return await self._database.read(partial(job_rows.find, job_id=job_id))

    async def job_by_number(self, number: int) -> JobView | None:
        """Return the job that the original contract knows by this number."""
        if (view := self._overlay.job_by_number(number)) is not None:
            return view
        find = partial(job_rows.find_by_number, number=number)
        return await self._database.read(find)

    async def archived(self, job_id: JobId) -> ArchivedJob | None:
        """Return what decisions must know of a job that has ended, if it has."""
        view = await self.job(job_id)
        if view is None or not view.ended:
            return None
        return ArchivedJob(
            job_id=view.job_id,
            number=view.number,
            service=view.service,
            user=view.user,
            body_digest=view.body_digest,
            state=view.state,
            attempt=view.attempt,
            client_id=view.client_id,
            outcome_digest=view.outcome_digest,
            position=view.position,
        )

    async def jobs(
        self,
        wanted: JobFilter = _EVERY_JOB,
        *,
        before: Position | None = None,
        limit: int = PAGE,
    ) -> list[JobView]:
        """Return jobs, newest first.

        The next page is the one `before` the last job's `submitted_position`, which
        never changes: pages neither repeat nor miss a job, whatever happens to it.
        """

        def admitted(views: Iterable[JobView], most: int) -> list[JobView]:
            passing = (
                view
                for view in views
                if (before is None or view.submitted_position < before)
                and wanted.admits(view)
            )
            return list(islice(passing, most))

        in_memory = self._overlay.jobs.values()
        newest = admitted(islice(reversed(in_memory), _AT_ONCE), limit)
        wanting = limit - len(newest)
        # Looking through very many would keep the writer waiting: a thread does it.
        older = [*in_memory][-_AT_ONCE - 1 :: -1] if wanting else []

        def query(connection: DuckDBPyConnection) -> list[JobView]:
            stored = job_rows.newest_ended(connection, wanted, before, limit)
            return [*admitted(older, wanting), *stored]

        # Where a job is in both, it ended since we looked: its row is newer.
        views = [*newest, *await self._database.read(query)]
        found = {view.submitted_position: view for view in views}
        return [found[key] for key in sorted(found, reverse=True)[:limit]]

    async def events(
        self,
        wanted: EventFilter = _EVERY_EVENT,
        *,
        after: Position = 0,
        limit: int = PAGE,
    ) -> list[Positioned]:
        """Return the events after a position, oldest first."""
        flushed, position = self._overlay.flushed, self._overlay.position
        window = Window(after=max(after, flushed), last=position, limit=limit)
        recent = self._overlay.events(wanted, window)
        if after >= flushed:
            return recent
        window = Window(after=after, last=flushed, limit=limit)
        query = partial(events.select, wanted=wanted, window=window)
        stored = await self._database.read(query)
        return [*stored, *recent][:limit]

    async def job_events(
        self,
        job_id: JobId,
        *,
        after: Position = 0,
        limit: int = PAGE,
    ) -> list[Positioned]:
        """Return what happened to a job after a position, oldest first."""
        return await self.events(EventFilter(job_id=job_id), after=after, limit=limit)

    async def follow_job(
        self,
        job_id: JobId,
        *,
        after: Position = 0,
    ) -> AsyncGenerator[Positioned]:
        """Yield what happened to a job after a position and what happens, for ever.

        Nothing is queued for a slow reader: it reads on in the history. Close it
        (`contextlib.aclosing`) when done.
        """
        with self._waiting.watch(job_id) as watch:
            while True:
                watch.clear()
                page = await self.job_events(job_id, after=after)
                for position, recorded in page:
                    yield position, recorded
                    after = position
                if len(page) < PAGE:
                    await watch.wait()

    def services(self) -> list[ServiceView]:
        """Return all services, retired ones too, by name."""
        return sorted(self._overlay.services.values(), key=lambda view: view.name)

    def service(self, name: ServiceName) -> ServiceView | None:
        """Return the service of this name, if there is one."""
        return self._overlay.services.get(name)

    def clients(self) -> list[ClientView]:
        """Return the clients that are there, and those that went lately, by id."""
        return sorted(self._overlay.clients.values(), key=lambda view: view.client_id)

    def client(self, client_id: ClientId) -> ClientView | None:
        """Return the client of this id, if it is there or went lately."""
        return self._overlay.clients.get(client_id)

    def counts(self) -> dict[JobWord, int]:
        """Return how many jobs are in each state; states without one are left out."""
        return {state: count for state, count in self._overlay.counts.items() if count}
