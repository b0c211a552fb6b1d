"""The agent, its hub and its jobs may each be gone for a while."""

import anyio
import anyio.to_thread
import pytest
from msgspec import structs

from clients.agent import AgentSettings
from orchestrator.wire import Ended, Lost
from tests.fakes import agent_process
from tests.fakes.hub_rules import key
from tests.fakes.nats_hub import NatsHub
from tests.fakes.transfer_server import TransferServer
from tests.integration.agent.bench import (
    delivered,
    ended,
    is_alive,
    let_go,
    serving_agent,
    until,
    until_gone,
    until_up,
    workspace,
)
from tests.nats_server import NatsServer

pytestmark = pytest.mark.integration


async def test_a_job_that_ends_while_the_hub_is_down_is_reported_when_it_is_back(
    server: NatsServer,
    hub: NatsHub,
    transfers: TransferServer,
    settings: AgentSettings,
) -> None:
    async with serving_agent(settings):
        await hub.assign(key())
        await until_up(settings, key())
        await anyio.to_thread.run_sync(server.kill)
        let_go(settings, key())
        # The token of the inputs is still good for the results.
        outbox = settings.directory / "outbox"
        await until(lambda: list(outbox.glob("*.json")))
        await anyio.to_thread.run_sync(server.start)
        await hub.until_state(key(), "ended")
        await hub.assign(key("job-2"))
        let_go(settings, key("job-2"))
        await hub.until_state(key("job-2"), "ended")
    assert delivered(transfers, key(), ended(hub, key()))["stdout"] == "hello\n"


async def test_a_job_outlives_its_killed_agent_and_the_next_one_adopts_it(
    hub: NatsHub, transfers: TransferServer, settings: AgentSettings
) -> None:
    with agent_process.running(settings) as agent:
        await hub.until(lambda: bool(hub.rules.joined))
        await hub.assign(key())
        await until_up(settings, key())
        agent.kill()
    pid = int((workspace(settings, key()) / "job" / "pid").read_text())
    assert is_alive(pid)
    async with serving_agent(settings) as client_id:
        assert [join.client_id for join in hub.rules.joined] == [client_id] * 2
        assert is_alive(pid)
        let_go(settings, key())
        await hub.until_state(key(), "ended")
    files = delivered(transfers, key(), ended(hub, key()))
    assert files["pid"] == f"{pid}\n"


async def test_a_report_that_was_not_answered_is_sent_by_the_next_agent(
    hub: NatsHub, settings: AgentSettings
) -> None:
    with agent_process.running(settings) as agent:
        await hub.until(lambda: bool(hub.rules.joined))
        await hub.assign(key())
        await until_up(settings, key())
        hub.silent = True
        let_go(settings, key())
        await hub.until(lambda: isinstance(hub.reports[-1], Ended))
        agent.kill()
    hub.silent = False
    reports = len(hub.reports)
    async with serving_agent(settings):
        await hub.until_state(key(), "ended")
        await until_gone(workspace(settings, key()))
    assert isinstance(hub.reports[reports], Ended), "the outbox comes first"


async def test_a_job_that_the_hub_gave_up_is_stopped_and_nothing_is_left(
    hub: NatsHub, transfers: TransferServer, settings: AgentSettings
) -> None:
    async with serving_agent(settings):
        await hub.assign(key())
        await until_up(settings, key())
        pid = int((workspace(settings, key()) / "job" / "pid").read_text())
        hub.rules.lose()
        await hub.until(lambda: len(hub.rules.joined) == 2)
        await until_gone(workspace(settings, key()))
        assert not is_alive(pid)
    assert transfers.delivered == {}


async def test_an_agent_that_stops_leaves_its_jobs_to_the_next_one(
    hub: NatsHub, settings: AgentSettings
) -> None:
    with agent_process.running(settings) as agent:
        await hub.until(lambda: bool(hub.rules.joined))
        await hub.assign(key())
        await until_up(settings, key())
        assert await anyio.to_thread.run_sync(agent.stop) == 0
    pid = int((workspace(settings, key()) / "job" / "pid").read_text())
    assert is_alive(pid)
    assert hub.rules.left == []
    async with serving_agent(settings):
        let_go(settings, key())
        await hub.until_state(key(), "ended")


async def test_an_agent_that_stops_with_its_jobs_says_goodbye_and_leaves_nobody(
    hub: NatsHub, settings: AgentSettings
) -> None:
    settings = structs.replace(settings, stop_with_jobs=True)
    async with serving_agent(settings) as client_id:
        await hub.assign(key())
        await until_up(settings, key())
        pid = int((workspace(settings, key()) / "job" / "pid").read_text())
    assert not is_alive(pid)
    assert [leave.client_id for leave in hub.rules.left] == [client_id]
    assert hub.rules.attempts[key()].report is None, "it is not the job's failure"
    async with serving_agent(settings):
        await hub.until_state(key(), "lost")
    assert isinstance(hub.rules.attempts[key()].report, Lost)
