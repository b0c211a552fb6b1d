"""One server's part in writing when the log does not do what it should."""

from pathlib import Path

import anyio
import pytest

from orchestrator.domain.events import JobSubmitted
from orchestrator.domain.ids import JobId
from orchestrator.domain.job import Queued
from orchestrator.errors import (
    LogFullError,
    NotLeadingError,
    OutcomeUnknownError,
    UndecodableEventError,
)
from orchestrator.event_log.memory import MemoryLog
from orchestrator.event_log.port import Draft
from orchestrator.writer.commands import Answered
from orchestrator.writer.office import Office
from tests.examples import (
    CANCEL,
    ECHO,
    JOB,
    asked,
    configure,
    join,
    submit,
)
from tests.fakes.unreliable_log import UnreliableLog
from tests.integration.office_on_memory import (
    eventually,
    hand_in_many,
    server_on,
)
from tests.integration.office_witness import (
    PATIENCE_SECONDS,
    contents,
    elections,
    require_fold,
    submissions,
)


async def test_a_command_in_doubt_that_was_stored_is_found_by_its_id(
    tmp_path: Path,
) -> None:
    log = UnreliableLog()
    async with server_on(log, tmp_path) as server:
        await server.leads()
        log.answers_to_lose = 1
        answered = await server.ask(submit(), "c-1")
    events = await contents(log)
    assert submissions(events) == [JOB]
    assert isinstance(events[answered.position - 1].event, JobSubmitted)
    assert len(elections(events)) == 2


async def test_a_command_in_doubt_that_was_lost_is_carried_out_again(
    tmp_path: Path,
) -> None:
    log = UnreliableLog()
    async with server_on(log, tmp_path) as server:
        await server.leads()
        log.writes_to_lose = 1
        answered = await server.ask(submit(), "c-1")
        assert isinstance(server.office.job(JOB), Queued)
    events = await contents(log)
    assert submissions(events) == [JOB]
    assert isinstance(events[answered.position - 1].event, JobSubmitted)


async def test_a_cancellation_in_doubt_is_no_conflict_when_it_was_stored(
    tmp_path: Path,
) -> None:
    log = UnreliableLog()
    async with server_on(log, tmp_path) as server:
        await server.leads()
        await server.ask(submit())
        log.answers_to_lose = 1
        # Decided anew it would be refused: the job has ended.
        assert (await server.ask(CANCEL, "c-2")).position > 0


async def test_a_log_out_of_reach_is_waited_for(tmp_path: Path) -> None:
    log = UnreliableLog()
    async with server_on(log, tmp_path) as server:
        await server.leads()
        await server.ask(submit())
        log.unreachable = True
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.ask, submit(JobId("job-2")), "c-2")
            await eventually(lambda: log.refused_while_unreachable > 0)
            log.unreachable = False
        await server.leads()
        await require_fold(server.office, log)
    assert submissions(await contents(log)) == [JOB, "job-2"]


async def test_nobody_waits_for_ever_for_a_log_out_of_reach(tmp_path: Path) -> None:
    log = UnreliableLog()
    async with server_on(log, tmp_path, deadline_seconds=0.3) as server:
        await server.leads()
        await server.ask(join())  # nothing is in flight after that
        log.unreachable = True
        with pytest.raises(OutcomeUnknownError):
            await server.ask(submit(), "c-1")
        with pytest.raises(NotLeadingError):
            await server.ask(submit(), "c-2")


async def test_a_full_log_says_so_to_whoever_asks(tmp_path: Path) -> None:
    log = UnreliableLog(max_bytes=2_000)
    async with server_on(log, tmp_path) as server:
        await server.leads()
        with pytest.raises(LogFullError):
            await hand_in_many(server, 20)
    stored = submissions(await contents(log))
    assert stored == [f"job-{number}" for number in range(len(stored))]
    assert 0 < len(stored) < 20


async def test_a_message_that_nobody_can_read_stops_the_server(tmp_path: Path) -> None:
    log = MemoryLog()
    with pytest.RaisesGroup(
        pytest.RaisesExc(
            UndecodableEventError, check=lambda error: error.position == 4
        ),
        flatten_subgroups=True,
    ):
        async with server_on(log, tmp_path) as server:
            await server.leads()
            await server.ask(submit())
            await log.append([Draft("writer", b'{"at": 1}')], expected=3)
            await anyio.sleep(PATIENCE_SECONDS)  # until it is cancelled
    assert (await log.end()).position == 4


async def test_what_nobody_can_read_stops_a_start_too(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append([Draft("writer", b"?")], expected=0)
    with pytest.RaisesGroup(
        pytest.RaisesExc(
            UndecodableEventError, check=lambda error: error.position == 1
        ),
        flatten_subgroups=True,
    ):
        async with server_on(log, tmp_path):
            await anyio.sleep(PATIENCE_SECONDS)  # until it is cancelled
    assert (await log.end()).position == 1


async def test_a_server_that_stops_leaves_nobody_waiting(tmp_path: Path) -> None:
    log = MemoryLog()
    outcomes: list[Answered | Exception] = []

    async def hand_in(office: Office) -> None:
        try:
            outcomes.append(await office.ask(asked(submit())))
        except (NotLeadingError, OutcomeUnknownError) as error:
            outcomes.append(error)

    async with (
        server_on(log, tmp_path, deadline_seconds=0.2) as server,
        anyio.create_task_group() as tasks,
    ):
        await server.leads()
        for _ in range(3):
            tasks.start_soon(hand_in, server.office)
        await anyio.lowlevel.checkpoint()
        server.stop()
    assert len(outcomes) == 3


async def test_declared_services_are_there_as_soon_as_it_leads(tmp_path: Path) -> None:
    log = MemoryLog()
    async with server_on(log, tmp_path, declared=[configure(max_runs=7)]) as server:
        await server.leads()
        await eventually(lambda: server.office.leadership().position == 2)
        assert server.state.queue.policies[ECHO].max_runs == 7
