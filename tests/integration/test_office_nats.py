"""The writer over a real nats-server: deaths, takeovers, and restarts of the hub."""

from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from orchestrator import codec
from orchestrator.domain.commands import CancelJob
from orchestrator.domain.events import JobSubmitted
from orchestrator.domain.ids import JobId
from orchestrator.domain.job import Queued
from orchestrator.errors import UndecodableEventError
from orchestrator.event_log.port import Draft
from orchestrator.writer.commands import Answered
from tests.examples import ELECTED, PORTAL, asked, configure, join, recorded, submit
from tests.fakes.offices import Running, running_office
from tests.integration.office_witness import (
    PATIENCE_SECONDS,
    contents,
    elections,
    require_fold,
    submissions,
)
from tests.nats_server import NatsServer

pytestmark = pytest.mark.integration

STREAM = "OFFICES"


async def hand_in(server: Running, number: int) -> Answered:
    wanted = submit(JobId(f"job-{number}"))
    with anyio.fail_after(PATIENCE_SECONDS):
        return await server.office.ask(asked(wanted, PORTAL, f"c-{number}"))


async def who_leads(*servers: Running) -> Running:
    """Return the first of them that leads."""
    found: list[Running] = []

    async def wait(server: Running, race: anyio.CancelScope) -> None:
        await server.leads()
        found.append(server)
        race.cancel()

    async with anyio.create_task_group() as tasks:
        for server in servers:
            tasks.start_soon(wait, server, tasks.cancel_scope)
    return found[0]


async def test_a_server_that_was_killed_is_succeeded_by_one_with_the_same_state(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    url, declared = own_nats_server.url, [configure()]
    async with running_office(
        url, tmp_path / "first", stream=STREAM, declared=declared
    ) as first:
        await first.leads()
        await first.office.ask(asked(join(slots=2)))
        for number in range(5):
            await hand_in(first, number)
        first.crash()
    async with running_office(
        url, tmp_path / "second", stream=STREAM, declared=declared
    ) as second:
        await second.leads()
        await require_fold(second.office, second.log)
        await hand_in(second, 5)
        await second.office.ask(asked(CancelJob(job_id=JobId("job-0"))))
        assert isinstance(second.office.job(JobId("job-5")), Queued)
        events = await contents(second.log)
    assert elections(events) == ["first", "second"]
    assert submissions(events) == [f"job-{number}" for number in range(6)]


async def test_a_standby_takes_over_and_nothing_is_doubled(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    url, declared = own_nats_server.url, [configure()]
    async with (
        running_office(
            url, tmp_path / "first", stream=STREAM, declared=declared
        ) as first,
        running_office(
            url, tmp_path / "second", stream=STREAM, declared=declared
        ) as second,
    ):
        leader, standby = await who_leads(first, second), second
        if leader is second:
            standby = first
        await standby.stands_by()
        await hand_in(leader, 1)
        leader.crash()
        await standby.leads()
        # Sent again, as by somebody who has not heard the answer.
        await hand_in(standby, 1)
        await hand_in(standby, 2)
        await require_fold(standby.office, standby.log)
        assert submissions(await contents(standby.log)) == ["job-1", "job-2"]


async def test_a_leader_that_is_overtaken_steps_down_and_knows_what_was_stored(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    url, declared = own_nats_server.url, [configure()]
    async with running_office(
        url, tmp_path / "only", stream=STREAM, declared=declared
    ) as server:
        await server.leads()
        await hand_in(server, 0)
        foreign = Draft("writer", codec.encode(recorded(ELECTED, 10**9)))
        end = (await server.log.end()).position
        await server.log.append([foreign], expected=end)
        answers: list[Answered] = []

        async def ask(number: int) -> None:
            answers.append(await hand_in(server, number))

        async with anyio.create_task_group() as tasks:
            for number in range(1, 30):
                tasks.start_soon(ask, number)
        events = await contents(server.log)
        for answer in answers:
            assert isinstance(events[answer.position - 1].event, JobSubmitted)
        await require_fold(server.office, server.log)
    assert len(answers) == 29
    assert sorted(submissions(events)) == sorted(f"job-{n}" for n in range(30))
    assert elections(events) == ["only", "server-1", "only"]


async def test_a_restart_of_the_hub_is_survived_with_every_answer_true(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with running_office(
        own_nats_server.url,
        tmp_path / "only",
        stream=STREAM,
        declared=[configure()],
    ) as server:
        await server.leads()
        await hand_in(server, 0)
        answers: list[Answered] = []

        async def ask(number: int) -> None:
            answers.append(await hand_in(server, number))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, own_nats_server.restart)
            for number in range(1, 40):
                tasks.start_soon(ask, number)
                await anyio.sleep(0.002)  # before, during and after
        await server.leads()
        await require_fold(server.office, server.log)
        events = await contents(server.log)
    assert sorted(submissions(events)) == sorted(f"job-{n}" for n in range(40))
    assert {events[each.position - 1].command_id for each in answers} == {
        f"c-{number}" for number in range(1, 40)
    }


async def test_a_message_that_nobody_can_read_stops_the_server_and_says_where(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    with pytest.RaisesGroup(
        pytest.RaisesExc(UndecodableEventError, match="position 2 "),
        flatten_subgroups=True,
    ):
        async with running_office(
            own_nats_server.url, tmp_path / "only", stream=STREAM
        ) as server:
            await server.leads()
            await server.log.append([Draft("writer", b"{}")], expected=1)
            await anyio.sleep(PATIENCE_SECONDS)  # until it is cancelled
