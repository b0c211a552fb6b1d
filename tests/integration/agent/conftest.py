"""A real nats-server with a hub, a real HTTP server, and the settings of an agent."""

import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from clients.agent import AgentSettings
from clients.executors.process import ProcessExecutor
from tests.fakes.nats_hub import PASSWORD, USERS, NatsHub, open_hub
from tests.fakes.transfer_server import TransferServer, serving
from tests.integration.agent.bench import SCRIPT
from tests.nats_server import NatsServer


@pytest.fixture
def server(tmp_path: Path) -> Generator[NatsServer]:
    server = NatsServer(tmp_path / "nats", extra=USERS)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def transfers() -> Generator[TransferServer]:
    with serving({"run.sh": SCRIPT}) as server:
        yield server


@pytest.fixture
async def hub(server: NatsServer, transfers: TransferServer) -> AsyncGenerator[NatsHub]:
    async with open_hub(server.url) as hub:
        hub.rules.bundle_sha256 = transfers.bundle_sha256
        yield hub


@pytest.fixture
async def settings(
    tmp_path: Path, server: NatsServer, transfers: TransferServer
) -> AsyncGenerator[AgentSettings]:
    (tmp_path / "gates").mkdir()
    yield AgentSettings(
        nats_url=server.url,
        nats_user="client",
        nats_password=PASSWORD,
        server_url=transfers.url,
        directory=tmp_path / "client",
        name="test",
        slots=2,
        path=os.defpath,
        environment={"GATES": str(tmp_path / "gates")},
        heartbeat_seconds=0.1,
    )
    # What a test left running is stopped by an executor that stops with us.
    async with ProcessExecutor(tmp_path / "client" / "executor", stop_with_agent=True):
        pass
