"""Fixtures that every test may use."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.nats_cluster import NatsCluster
from tests.nats_server import NatsServer


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[NatsServer]:
    """Return a running nats-server (sync always) that all tests share.

    Whoever creates a stream in it deletes it; whoever kills it starts it again.
    """
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_nats_server(tmp_path: Path) -> Generator[NatsServer]:
    """Return a running nats-server (sync always) that one test may kill."""
    server = NatsServer(tmp_path / "own-nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[NatsCluster]:
    """Return a running cluster of three nodes (sync always) that all tests share.

    Whoever creates a stream in it deletes it; whoever stops a node starts it again.
    """
    cluster = NatsCluster(tmp_path_factory.mktemp("nats-cluster"))
    cluster.start()
    yield cluster
    cluster.stop()
