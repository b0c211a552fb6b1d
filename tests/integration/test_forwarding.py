"""Two servers on one log: what is asked of either is decided by the one that leads."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from msgspec import structs

from orchestrator import codec, wire
from orchestrator.domain.commands import Command, JoinClient
from orchestrator.domain.events import JobAssigned, JobSubmitted
from orchestrator.domain.ids import CommandId, JobId, PrincipalId, ServiceName
from orchestrator.domain.principal import Principal
from orchestrator.errors import (
    ForbiddenError,
    IdempotencyConflictError,
    NotLeadingError,
    UnknownJobError,
    UnknownServiceError,
)
from orchestrator.writer.commands import Answered
from tests.examples import (
    CANCEL,
    CLIENT,
    ECHO,
    FIRST_LIFE,
    JOB,
    PORTAL,
    asked,
    configure,
    ended,
    join,
    started,
    submit,
)
from tests.fakes.offices import Running, running_office
from tests.nats_server import NatsServer

_PATIENCE_SECONDS = 10.0
JOIN = wire.Join(
    client_id=CLIENT,
    incarnation=FIRST_LIFE,
    name="bench",
    version="0",
    protocol=wire.PROTOCOL,
    slots=1,
)
OTHER_USER = Principal(id=PrincipalId("bob"), role="user")


@dataclass(frozen=True)
class Two:
    """One that leads, one that stands by."""

    leader: Running
    standby: Running


@asynccontextmanager
async def two_servers(nats: NatsServer, directory: Path) -> AsyncGenerator[Two]:
    stream = f"forwarding-{secrets.token_hex(4)}".upper()
    url, declared = nats.url, [configure()]
    async with running_office(
        url, directory / "first", stream=stream, declared=declared
    ) as first:
        await first.leads()
        async with running_office(
            url, directory / "second", stream=stream, declared=declared
        ) as second:
            await second.stands_by()
            yield Two(first, second)


async def ask(
    server: Running,
    command: Command,
    by: Principal = PORTAL,
    command_id: str = "",
) -> Answered:
    return await server.office.ask(asked(command, by, command_id))


async def run(server: Running, job_id: JobId = JOB) -> None:
    """Play the client of a job from its submission to its end."""
    await ask(server, join())
    await ask(server, submit(job_id))
    await ask(server, started())
    await ask(server, ended())


async def submissions_in(server: Running) -> list[JobId]:
    end = (await server.log.end()).position
    found: list[JobId] = []
    async for batch in server.log.follow(0):
        for message in batch:
            event = codec.decode(message.data, position=message.position).event
            if isinstance(event, JobSubmitted):
                found.append(event.job_id)
        if batch[-1].position >= end:
            break
    return found


@pytest.fixture
async def two(own_nats_server: NatsServer, tmp_path: Path) -> AsyncGenerator[Two]:
    async with two_servers(own_nats_server, tmp_path) as two:
        yield two


async def test_a_command_asked_of_a_standby_is_carried_out_by_the_leader(
    two: Two,
) -> None:
    answered = await ask(two.standby, submit(), command_id="c-1")
    [recorded] = answered.events
    assert isinstance(recorded.event, JobSubmitted)
    assert recorded.event.number == 1
    assert (recorded.by, recorded.command_id) == (PORTAL.id, "c-1")
    await two.standby.reads(answered.position)
    assert (await two.standby.projector.read_model.job(JOB)) is not None
    assert two.standby.office.leadership().term == two.leader.office.leadership().term


async def test_a_join_through_a_standby_brings_back_what_the_client_holds(
    two: Two,
) -> None:
    await ask(two.leader, join())
    await ask(two.leader, submit())
    again: JoinClient = join()
    answered = await ask(two.standby, again)
    assert [held.job_id for held in answered.attempts] == [JOB]


async def test_the_leaders_refusals_are_raised_by_the_standby_as_they_are(
    two: Two,
) -> None:
    with pytest.raises(UnknownJobError) as unknown:
        await ask(two.standby, CANCEL)
    assert unknown.value.job == JOB
    await ask(two.leader, submit())
    with pytest.raises(ForbiddenError, match="bob may not cancel"):
        await ask(two.standby, CANCEL, OTHER_USER)
    with pytest.raises(IdempotencyConflictError):
        await ask(two.standby, submit(body="body-2"))


async def test_an_unknown_service_is_refused_with_those_that_there_are(
    two: Two,
) -> None:
    command = structs.replace(submit(), service=ServiceName("no-such"))
    with pytest.raises(UnknownServiceError) as unknown:
        await ask(two.standby, command)
    assert unknown.value.known == (ECHO,)


async def test_a_command_whose_answer_was_lost_is_not_carried_out_twice(
    two: Two,
) -> None:
    two.standby.forward.answers_to_lose = 2
    answered = await ask(two.standby, submit())
    ids = {sent.command_id for sent in two.standby.forward.sent}
    assert len(two.standby.forward.sent) == 3
    assert len(ids) == 1
    assert ids != {CommandId("")}
    assert await submissions_in(two.standby) == [JOB]
    assert answered.position == (await two.standby.log.end()).position


async def test_a_job_that_the_leader_has_forgotten_is_the_same_job_through_a_standby(
    two: Two,
) -> None:
    await run(two.leader)
    await _forgets(two.leader, JOB)
    again = await ask(two.standby, submit())
    assert again.events == ()
    with pytest.raises(IdempotencyConflictError):
        await ask(two.standby, submit(body="body-2"))
    assert await submissions_in(two.leader) == [JOB]


async def _forgets(server: Running, job_id: JobId) -> None:
    with anyio.fail_after(_PATIENCE_SECONDS):
        while server.office.remembers(job_id):  # noqa: ASYNC110 - memory rings no bell
            await anyio.sleep(0.01)


async def test_a_job_that_ended_before_a_takeover_is_the_same_job_after_it(
    two: Two,
) -> None:
    await run(two.leader)
    two.leader.crash()
    await two.standby.leads()
    await _forgets(two.standby, JOB)
    assert (await ask(two.standby, submit())).events == ()


async def test_what_is_asked_during_a_takeover_is_answered_by_the_next_leader(
    two: Two,
) -> None:
    jobs = [JobId(f"job-{number}") for number in range(40)]
    with anyio.fail_after(_PATIENCE_SECONDS):
        for number, job_id in enumerate(jobs):
            if number == len(jobs) // 2:
                two.leader.crash()
            answered = await ask(two.standby, submit(job_id))
            assert answered.position <= (await two.standby.log.end()).position
    assert two.standby.office.leadership().role == "leading"
    assert await submissions_in(two.standby) == jobs


async def test_a_report_is_not_forwarded_and_the_client_told_to_ask_again(
    two: Two,
) -> None:
    answer = await two.standby.reports.answer(JOIN)
    assert isinstance(answer, wire.Unavailable)
    assert two.standby.forward.sent == []
    beat = wire.Heartbeat(
        client_id=CLIENT,
        incarnation=FIRST_LIFE,
        last_position=0,
        attempts=(),
        free_slots=1,
        load=0,
    )
    assert two.standby.reports.beat(beat) is None


async def test_a_client_reports_to_whoever_leads_without_knowing_who(
    two: Two,
) -> None:
    await _report_join(two.leader)
    assert CLIENT in _clients_of(two.leader)
    two.leader.crash()
    await two.standby.leads()
    await ask(two.standby, submit())
    answer = await _report_join(two.leader)  # its connection, which is still there
    assert [held.job_id for held in answer.attempts] == [JOB]


async def _report_join(over: Running) -> wire.Synced:
    nats = over.log.connection.client
    reply = await nats.request(
        wire.reports_of(CLIENT), wire.encode(JOIN), timeout=_PATIENCE_SECONDS
    )
    answer = wire.ANSWER_DECODER.decode(reply.data)
    assert isinstance(answer, wire.Synced)
    return answer


def _clients_of(server: Running) -> list[str]:
    leader = server.office.leader
    assert leader is not None
    return list(leader.lead.state.clients.joined)


async def test_an_assignment_made_for_a_forwarded_job_is_seen_by_both(
    two: Two,
) -> None:
    await ask(two.standby, join())
    await ask(two.standby, submit())
    with anyio.fail_after(_PATIENCE_SECONDS):
        for server in (two.leader, two.standby):
            async for _, recorded in server.projector.read_model.follow_job(JOB):
                if isinstance(recorded.event, JobAssigned):
                    break


async def test_a_standby_that_is_cut_off_says_that_nothing_was_done(
    own_nats_server: NatsServer,
    tmp_path: Path,
) -> None:
    stream = "CUT"
    async with running_office(
        own_nats_server.url, tmp_path / "first", stream=stream
    ) as first:
        await first.leads()
        async with running_office(
            own_nats_server.url,
            tmp_path / "second",
            stream=stream,
            deadline_seconds=0.5,
        ) as second:
            await second.stands_by()
            own_nats_server.kill()
            with anyio.fail_after(_PATIENCE_SECONDS):
                while second.office.leadership().role != "cut_off":  # noqa: ASYNC110 - it rings no bell
                    await anyio.sleep(0.01)
            with pytest.raises(NotLeadingError):
                await ask(second, CANCEL)
            own_nats_server.start()
