"""Every question to the read model, with rows in memory, on disk, and on their way."""

from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.events import JobSubmitted
from orchestrator.domain.ids import ClientId, JobId, ServiceName
from projections.projector import Pace, Projector
from projections.read_models.events import EventFilter, type_of
from projections.read_models.job_rows import JobFilter
from projections.read_models.jobs import JOBS, JobView
from tests.unit.projections.folding import projecting
from tests.unit.projections.histories import START, at, folded, seeded

MESSAGES = folded(seeded(8, 400))
PATIENT = Pace(delay_seconds=60, messages=10_000, most_in_memory=10_000)
HOW_MUCH_IS_FLUSHED = pytest.mark.parametrize("flushed", [0, 250, 400])


def views() -> dict[JobId, JobView]:
    """Return what the jobs must look like, by the plain fold."""
    jobs: dict[JobId, JobView] = {}
    for position, recorded, _ in MESSAGES:
        job_id = JOBS.key(recorded.event)
        if job_id is not None:
            view = JOBS.evolve(jobs.get(job_id), position, recorded)
            assert view is not None
            jobs[job_id] = view
    return jobs


def newest_first(jobs: dict[JobId, JobView], wanted: JobFilter) -> list[JobView]:
    found = [view for view in jobs.values() if wanted.admits(view)]
    return sorted(found, key=lambda view: -view.submitted_position)


async def fold_all(projector: Projector, flushed: int) -> None:
    """Fold everything, and have so much of it on disk."""
    await projector.fold(MESSAGES[:flushed])
    await projector.flush()
    await projector.fold(MESSAGES[flushed:])


@HOW_MUCH_IS_FLUSHED
async def test_every_job_is_found_by_id_and_by_number(
    tmp_path: Path, flushed: int
) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await fold_all(projector, flushed)
        for job_id, view in views().items():
            assert await projector.read_model.job(job_id) == view
            assert await projector.read_model.job_by_number(view.number) == view
        assert await projector.read_model.job(JobId("nobody")) is None
        assert await projector.read_model.job_by_number(99_999) is None


async def test_live_jobs_are_known_again_after_a_start(tmp_path: Path) -> None:
    async with projecting(tmp_path / "rows") as projector:
        await projector.fold(MESSAGES)
        counts = projector.read_model.counts()
        clients = projector.read_model.clients()
        services = projector.read_model.services()
    async with projecting(tmp_path / "rows") as projector:
        every = await projector.read_model.jobs(limit=1_000)
        assert every == newest_first(views(), JobFilter())
        assert projector.read_model.counts() == counts
        assert projector.read_model.clients() == clients
        assert projector.read_model.services() == services


@HOW_MUCH_IS_FLUSHED
@pytest.mark.parametrize(
    "wanted",
    [
        JobFilter(),
        JobFilter(user="ann"),
        JobFilter(service="prodigy", label="run-2"),
        JobFilter(state="queued"),
        JobFilter(state="completed"),
        JobFilter(state="cancelled", user="bob"),
        JobFilter(since=at(100), until=at(300)),
        JobFilter(since=START + timedelta(days=1)),
    ],
    ids=repr,
)
async def test_a_filter_means_the_same_in_memory_and_on_disk(
    tmp_path: Path, flushed: int, wanted: JobFilter
) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await fold_all(projector, flushed)
        found = await projector.read_model.jobs(wanted, limit=1_000)
        assert found == newest_first(views(), wanted)


async def test_pages_neither_repeat_nor_miss_a_job_while_jobs_move(
    tmp_path: Path,
) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await projector.fold(MESSAGES[:200])
        expected = [one.job_id for one in await projector.read_model.jobs(limit=1_000)]
        seen: list[JobId] = []
        before, folded_to = None, 200
        while page := await projector.read_model.jobs(before=before, limit=3):
            seen += [view.job_id for view in page]
            before = page[-1].submitted_position
            await projector.fold(MESSAGES[folded_to : folded_to + 13])
            folded_to += 13
            if folded_to % 2:
                await projector.flush()
        assert seen == expected


@HOW_MUCH_IS_FLUSHED
async def test_the_history_of_a_job_is_complete_and_in_order(
    tmp_path: Path, flushed: int
) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await fold_all(projector, flushed)
        for job_id in views():
            expected = [
                (position, recorded)
                for position, recorded, _ in MESSAGES
                if JOBS.key(recorded.event) == job_id
            ]
            model = projector.read_model
            assert await model.job_events(job_id) == expected
            middle = expected[len(expected) // 2][0]
            assert await model.job_events(job_id, after=middle) == [
                one for one in expected if one[0] > middle
            ]
        assert await projector.read_model.job_events(JobId("nobody")) == []


@HOW_MUCH_IS_FLUSHED
@pytest.mark.parametrize(
    "wanted",
    [
        EventFilter(),
        EventFilter(types=("job.submitted", "client.lost")),
        EventFilter(types=("job.assigned", "job.started"), job_id=JobId("job-3")),
    ],
    ids=repr,
)
async def test_events_are_paged_through_without_gap(
    tmp_path: Path, flushed: int, wanted: EventFilter
) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await fold_all(projector, flushed)
        seen: list[int] = []
        after = 0
        while page := await projector.read_model.events(wanted, after=after, limit=7):
            seen += [position for position, _ in page]
            after = page[-1][0]
        assert seen == [
            position
            for position, recorded, _ in MESSAGES
            if not wanted.types or type_of(recorded.event) in wanted.types
            if wanted.job_id in (None, JOBS.key(recorded.event))
        ]
        assert seen


@HOW_MUCH_IS_FLUSHED
async def test_only_jobs_that_have_ended_are_archived(
    tmp_path: Path, flushed: int
) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await fold_all(projector, flushed)
        for job_id, view in views().items():
            archived = await projector.read_model.archived(job_id)
            assert (archived is not None) == view.ended
            if archived is not None:
                assert archived.outcome_digest == view.outcome_digest
                assert archived.position == view.position
                assert (archived.state, archived.attempt) == (view.state, view.attempt)
        assert await projector.read_model.archived(JobId("nobody")) is None


@HOW_MUCH_IS_FLUSHED
async def test_the_counts_are_those_of_all_jobs(tmp_path: Path, flushed: int) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await fold_all(projector, flushed)
        states = [view.state for view in views().values()]
        assert projector.read_model.counts() == {
            state: states.count(state) for state in set(states)
        }


async def test_services_and_clients_are_found_by_name_and_id(tmp_path: Path) -> None:
    async with projecting(tmp_path / "rows") as projector:
        await projector.fold(MESSAGES)
        model = projector.read_model
        assert [view.name for view in model.services()] == ["haddock", "prodigy"]
        haddock = model.service(ServiceName("haddock"))
        assert haddock is not None
        assert (haddock.runs_per_user, haddock.max_runs) == (5, 10)
        assert model.service(ServiceName("none")) is None
        for client in model.clients():
            assert model.client(client.client_id) == client
        assert model.client(ClientId("none")) is None


async def test_a_job_is_followed_from_its_history_into_the_present(
    tmp_path: Path,
) -> None:
    job_id = next(
        recorded.event.job_id
        for _, recorded, _ in MESSAGES
        if isinstance(recorded.event, JobSubmitted)
    )
    expected = [
        position
        for position, recorded, _ in MESSAGES
        if JOBS.key(recorded.event) == job_id
    ]
    seen: list[int] = []
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await projector.fold(MESSAGES[:20])

        async def follow() -> None:
            async with aclosing(projector.read_model.follow_job(job_id)) as events:
                async for position, _ in events:
                    seen.append(position)
                    if position == expected[-1]:
                        return

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            for start in range(20, 400, 9):
                await projector.fold(MESSAGES[start : start + 9])
                await projector.flush()
    assert len(expected) > 2
    assert seen == expected


async def test_a_slow_follower_reads_on_in_the_history(tmp_path: Path) -> None:
    job_id = max(views().values(), key=lambda view: view.position).job_id
    expected = [
        position
        for position, recorded, _ in MESSAGES
        if JOBS.key(recorded.event) == job_id
    ]
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await projector.fold(MESSAGES[: expected[0]])
        events = projector.read_model.follow_job(job_id)
        async with aclosing(events):
            seen = [(await anext(events))[0]]
            await projector.fold(MESSAGES[expected[0] :])
            await projector.flush()
            assert projector.unflushed == 0
            with anyio.fail_after(10):
                seen += [(await anext(events))[0] for _ in expected[1:]]
    assert seen == expected


async def test_a_follower_that_goes_on_from_a_position_gets_what_is_after_it(
    tmp_path: Path,
) -> None:
    job_id, view = next(iter(views().items()))
    async with projecting(tmp_path / "rows") as projector:
        await projector.fold(MESSAGES)
        events = projector.read_model.follow_job(job_id, after=view.position - 1)
        async with aclosing(events):
            assert (await anext(events))[0] == view.position
