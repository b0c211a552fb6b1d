"""One server's part in writing: it leads, begins again, and shares with others."""

import time
from functools import partial
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.commands import CancelJob
from orchestrator.domain.ids import JobId, Position
from orchestrator.domain.job import Ended, Queued, Running, Unknown
from orchestrator.errors import (
    NotLeadingError,
    OutcomeUnknownError,
)
from orchestrator.event_log.memory import MemoryLog
from orchestrator.writer.commands import Answered
from projections.projector import Projector
from tests.examples import (
    ELECTED,
    JOB,
    ended,
    join,
    started,
    submit,
)
from tests.integration.office_on_memory import (
    Server,
    add_foreign,
    eventually,
    hand_in_many,
    server_on,
    who_hears,
)
from tests.integration.office_witness import (
    PATIENCE_SECONDS,
    contents,
    elections,
    events_up_to,
    require_fold,
    submissions,
)


async def test_a_server_on_a_new_log_leads_within_a_second(tmp_path: Path) -> None:
    log = MemoryLog()
    async with server_on(log, tmp_path) as server:
        with anyio.fail_after(1.0):
            await server.office.leads()
        assert server.office.leadership().role == "leading"
        assert server.office.leadership().term == 1
    assert elections(await contents(log)) == ["server-1"]


async def test_a_job_goes_from_submission_to_its_end(tmp_path: Path) -> None:
    log = MemoryLog()
    async with server_on(log, tmp_path) as server:
        await server.leads()
        await server.ask(join())
        await server.ask(submit())
        await server.ask(started())
        assert isinstance(server.office.job(JOB), Running)
        answered = await server.ask(ended())
        assert isinstance(server.office.job(JOB), Ended | Unknown)
        assert answered.position <= (await log.end()).position
        assert await server.projector.reached(answered.position, PATIENCE_SECONDS)
        view = await server.projector.read_model.job(JOB)
        assert view is not None
        assert view.state == "completed"


async def test_many_who_ask_at_once_are_all_answered(tmp_path: Path) -> None:
    log = MemoryLog()
    positions: list[Position] = []

    async def hand_in(server: Server, number: int) -> None:
        answered = await server.ask(submit(JobId(f"job-{number}")), f"c-{number}")
        positions.append(answered.position)

    async with server_on(log, tmp_path) as server:
        await server.leads()
        async with anyio.create_task_group() as tasks:
            for number in range(300):
                tasks.start_soon(hand_in, server, number)
    assert len(set(positions)) == 300
    assert sorted(submissions(await contents(log))) == sorted(
        f"job-{number}" for number in range(300)
    )


@pytest.mark.parametrize("same_directory", [True, False])
async def test_another_server_goes_on_where_the_first_was_killed(
    tmp_path: Path, *, same_directory: bool
) -> None:
    log = MemoryLog()
    async with server_on(log, tmp_path / "first") as first:
        await first.leads()
        await first.ask(join(slots=2))
        for number in range(5):
            await first.ask(submit(JobId(f"job-{number}")))
    directory = tmp_path / ("first" if same_directory else "second")
    async with server_on(log, directory, name="server-2") as second:
        await second.leads()
        await require_fold(second.office, log)
        await second.ask(CancelJob(job_id=JobId("job-0")))
        await second.ask(submit(JobId("job-5")))
        assert isinstance(second.office.job(JobId("job-5")), Queued)
    events = await contents(log)
    assert elections(events) == ["server-1", "server-2"]
    assert [each.at for each in events] == sorted(each.at for each in events)


async def test_a_start_from_a_snapshot_comes_to_the_same_state(tmp_path: Path) -> None:
    log = MemoryLog()
    async with server_on(log, tmp_path / "first") as first:
        await first.leads()
        await hand_in_many(first, 19)
        answered = await first.ask(submit(JobId("job-19")))
        # Beside a snapshot the rows must have come as far.
        assert await first.projector.reached(answered.position, PATIENCE_SECONDS)
    async with server_on(log, tmp_path / "other", name="server-2") as other:
        # It alone sees what comes after the snapshot.
        await other.leads()
        await other.ask(join(slots=3))
        await other.ask(CancelJob(job_id=JobId("job-7")))
    projector = await Projector.open(tmp_path / "first" / "read-model.duckdb")
    saved = await projector.load_snapshot()
    await projector.close()
    assert saved is not None
    assert 20 < saved[0] < (await log.end()).position
    async with server_on(log, tmp_path / "first", name="server-3") as again:
        await again.leads()
        await require_fold(again.office, log)


async def test_of_two_servers_one_leads_and_the_other_takes_over(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    gone = False
    ping = partial(who_hears, lambda: not gone)
    async with server_on(log, tmp_path / "a", name="a") as first:
        await first.leads()
        await first.ask(submit(), "c-1")
        async with server_on(log, tmp_path / "b", name="b", ping=ping) as second:
            await eventually(lambda: second.office.leadership().role == "standing_by")
            await first.ask(join())
            assert second.office.leader is None
            gone = True
            await second.leads()
            # The first learns it from the log, and does not lead beside it.
            await eventually(lambda: first.office.leadership().role != "leading")
            assert (await second.ask(submit(), "c-1")).position > 0
    events = await contents(log)
    assert elections(events)[:2] == ["a", "b"]
    assert submissions(events) == [JOB]


async def test_two_servers_that_do_not_hear_each_other_take_turns_ever_more_slowly(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    began = time.monotonic()
    async with (
        server_on(log, tmp_path / "a", name="a"),
        server_on(log, tmp_path / "b", name="b"),
    ):
        events = await events_up_to(log, 1)
        while len(elections(events)) < 4:
            events = await events_up_to(log, len(events) + 1)
    # At once, at once, after a second, after two.
    assert time.monotonic() - began > 2.0


async def test_a_leader_that_is_overtaken_answers_its_callers_rightly(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    outcomes: dict[str, Answered | Exception] = {}

    async def hand_in(server: Server, number: int) -> None:
        job_id = f"job-{number}"
        try:
            outcomes[job_id] = await server.ask(submit(JobId(job_id)), f"c-{number}")
        except (NotLeadingError, OutcomeUnknownError) as error:
            outcomes[job_id] = error

    async with server_on(log, tmp_path, deadline_seconds=8) as server:
        await server.leads()
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(hand_in, server, number)
                if number == 50:
                    await add_foreign(log, ELECTED, server)
        await server.leads()
    stored = submissions(await contents(log))
    assert len(stored) == len(set(stored))
    assert len(outcomes) == 100
    for job_id, outcome in outcomes.items():
        if isinstance(outcome, Answered):
            assert job_id in stored
        elif isinstance(outcome, NotLeadingError):
            assert job_id not in stored
