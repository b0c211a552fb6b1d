"""An agent that cannot serve says why, in one error."""

import anyio
import pytest
from msgspec import structs

from clients.agent import AgentSettings, run_agent
from orchestrator.errors import (
    ClientDirectoryHeldError,
    JoinRefusedError,
    LogUnreachableError,
    UnknownExecutorError,
)
from orchestrator.wire import Join, Refused, Unavailable
from tests.fakes.nats_hub import NatsHub
from tests.integration.agent.bench import serving_agent
from tests.nats_server import NatsServer

pytestmark = pytest.mark.integration


async def test_an_agent_that_the_hub_refuses_says_why(
    hub: NatsHub, settings: AgentSettings
) -> None:
    hub.rules.refusal = Refused(
        code="version_refused", message="client 0.1.0, server 9.9.9"
    )
    with pytest.raises(JoinRefusedError, match=r"client 0\.1\.0, server 9\.9\.9"):
        await run_agent(settings, stop=anyio.Event())


async def test_an_agent_joins_again_until_a_server_takes_it_in(
    hub: NatsHub, settings: AgentSettings
) -> None:
    hub.rules.refusal = Unavailable(message="no leader yet")

    async def lead_after_two_joins() -> None:
        await hub.until(lambda: len(hub.reports) == 2)
        hub.rules.refusal = None

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lead_after_two_joins)
        async with serving_agent(settings):
            pass
    assert [type(report) for report in hub.reports[:3]] == [Join, Join, Join]
    assert len(hub.rules.joined) == 1


async def test_a_second_agent_on_the_same_directory_is_refused(
    hub: NatsHub, settings: AgentSettings
) -> None:
    async with serving_agent(settings):
        assert hub.rules.joined
        with pytest.raises(ClientDirectoryHeldError, match=str(settings.directory)):
            await run_agent(settings, stop=anyio.Event())


async def test_an_agent_without_a_nats_server_says_where_it_looked(
    server: NatsServer, settings: AgentSettings
) -> None:
    server.stop()
    with pytest.raises(LogUnreachableError, match=server.url):
        await run_agent(settings, stop=anyio.Event())


async def test_an_agent_with_an_unknown_executor_names_those_it_knows(
    hub: NatsHub, settings: AgentSettings
) -> None:
    settings = structs.replace(settings, executor="sloorm")
    with pytest.raises(UnknownExecutorError, match="process"):
        await run_agent(settings, stop=anyio.Event())
    assert hub.reports == []
