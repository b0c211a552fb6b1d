"""Durability is what the nodes themselves say, then what the settings say."""

from collections.abc import Generator
from pathlib import Path

import pytest

from orchestrator.errors import DurabilityError
from orchestrator.event_log.durability import Durability, check_durability
from tests.nats_server import NatsServer

pytestmark = pytest.mark.integration

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def lazy_server(tmp_path: Path) -> Generator[NatsServer]:
    """Return a server that flushes now and then, as NATS does by default."""
    server = NatsServer(tmp_path, sync="2m")
    server.start()
    yield server
    server.stop()


async def test_a_node_that_flushes_every_message_is_verified(
    nats_server: NatsServer,
) -> None:
    found = await check_durability([nats_server.monitoring_url])
    assert found is Durability.VERIFIED


@pytest.mark.parametrize("declared", [None, "always"])
async def test_one_node_that_does_not_is_refused_whatever_is_declared(
    nats_server: NatsServer, lazy_server: NatsServer, declared: str | None
) -> None:
    nodes = [nats_server.monitoring_url, lazy_server.monitoring_url]
    with pytest.raises(DurabilityError, match=lazy_server.monitoring_url):
        await check_durability(nodes, declared=declared)
    found = await check_durability(nodes, declared=declared, unsafe_allowed=True)
    assert found is Durability.UNSAFE


async def test_without_monitoring_the_declaration_counts_as_one() -> None:
    assert await check_durability([], declared="always") is Durability.DECLARED


@pytest.mark.parametrize("declared", [None, "sometimes"])
async def test_without_monitoring_and_declaration_nothing_starts(
    declared: str | None,
) -> None:
    with pytest.raises(DurabilityError, match="--unsafe-durability"):
        await check_durability([], declared=declared)
    found = await check_durability([], declared=declared, unsafe_allowed=True)
    assert found is Durability.UNSAFE


async def test_a_node_that_does_not_answer_is_named_or_declared() -> None:
    with pytest.raises(DurabilityError, match=NOBODY):
        await check_durability([NOBODY])
    assert await check_durability([NOBODY], declared="always") is Durability.DECLARED
