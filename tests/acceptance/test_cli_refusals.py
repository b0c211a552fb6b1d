"""What cannot start says why in one line, and leaves nothing half-made."""

import os
import socket
from pathlib import Path

import anyio.to_thread
import nats
import pytest

from tests.acceptance.processes import Command, started
from tests.nats_server import NatsServer

NO_NATS = "nats://127.0.0.1:1"
EVERYWHERE = "::"


@pytest.fixture
def run(tmp_path: Path) -> Command:
    (tmp_path / "cwd").mkdir()
    return Command({"PATH": os.defpath}, cwd=tmp_path / "cwd")


def said(run: Command, *arguments: str) -> str:
    """Return the one line that a command fails with."""
    done = run(*arguments)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def settings(run: Command, text: str) -> tuple[str, str]:
    """Return the options that name a settings file with this text."""
    path = run.cwd.with_name("settings.toml")
    path.write_text(text)
    return "--config", str(path)


def verified(nats: NatsServer, more: str = "") -> str:
    """Return settings for a server on this NATS."""
    return f"[nats]\nurl = '{nats.url}'\nmonitoring_urls = ['{nats.monitoring_url}']\n{more}"


def test_a_server_without_nats_says_where_it_looked(run: Command) -> None:
    error = said(run, "server", "--nats", NO_NATS, "--port", "0")

    assert f"no NATS server answers at {NO_NATS}" in error
    assert "nats.url" in error
    assert list(run.cwd.iterdir()) == []


def test_a_client_without_nats_says_where_it_looked(run: Command) -> None:
    error = said(run, "client", "--nats", NO_NATS)

    assert f"no NATS server answers at {NO_NATS}" in error


def test_a_server_refuses_nats_that_may_lose_what_it_acknowledged(
    run: Command, nats_server: NatsServer
) -> None:
    error = said(run, "server", "--nats", nats_server.url, "--port", "0")

    assert "monitoring_urls" in error
    assert "--unsafe-durability" in error
    assert list(run.cwd.iterdir()) == []


def test_a_server_on_a_taken_port_names_it(
    run: Command, nats_server: NatsServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = settings(run, verified(nats_server))

        error = said(run, "server", "--port", str(port), *config)

    assert f"port {port} on 127.0.0.1 is taken" in error
    assert list(run.cwd.iterdir()) == []


def test_up_on_a_taken_port_makes_nothing(run: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        error = said(run, "up", "--port", str(port))

    assert f"port {port} on 127.0.0.1 is taken" in error
    assert list(run.cwd.iterdir()) == []


def test_looking_into_a_log_that_is_not_there_does_not_make_it(
    run: Command, nats_server: NatsServer
) -> None:
    config = settings(run, verified(nats_server))

    error = said(run, "log", "tail", "--no-follow", *config)

    assert "there is no stream ORCHESTRATOR" in error
    assert error == said(run, "rebuild", *config)


def test_a_server_open_to_the_network_wants_it_said(
    run: Command, nats_server: NatsServer
) -> None:
    config = settings(run, verified(nats_server))

    error = said(run, "server", "--host", EVERYWHERE, "--port", "0", *config)

    assert "server.allow_remote" in error


def test_a_data_directory_that_cannot_be_made_is_named(
    run: Command, nats_server: NatsServer
) -> None:
    (run.cwd / "file").write_text("")
    config = settings(run, verified(nats_server))

    error = said(run, "server", "--directory", "file/data", "--port", "0", *config)

    assert "cannot write to the data directory file/data" in error


def test_a_second_server_on_a_data_directory_is_refused(
    run: Command, own_nats_server: NatsServer
) -> None:
    options = ["server", "--port", "0", "--directory", str(run.cwd / "data")]
    options += settings(run, verified(own_nats_server))
    with started(*options, environment=run.environment) as first:
        first.read_until("ready at")

        error = said(run, *options)

    assert "another server already uses the data directory" in error


async def test_a_stream_with_other_settings_is_named_and_left_alone(
    run: Command, own_nats_server: NatsServer
) -> None:
    client = await nats.connect(own_nats_server.url)
    stream = await client.jetstream().add_stream(
        name="ORCHESTRATOR", subjects=["jobs.>"], max_age=60
    )
    config = settings(run, verified(own_nats_server))

    error = await anyio.to_thread.run_sync(said, run, "server", "--port", "0", *config)

    assert "the stream ORCHESTRATOR has " in error
    found = await client.jetstream().stream_info("ORCHESTRATOR")
    assert found.config == stream.config
    await client.close()


def test_a_malformed_settings_file_is_named_with_line_and_key(run: Command) -> None:
    config = settings(run, "[server]\nprot = 1\n")

    error = said(run, "server", *config)

    assert error.endswith(":2: server.prot: unknown key; did you mean server.port?")


def test_a_malformed_variable_is_named(run: Command) -> None:
    name = "JOB_ORCHESTRATOR_CLIENT_SLOTS"
    run = Command({**run.environment, name: "many"}, cwd=run.cwd)

    assert (
        said(run, "client") == f'error: {name}: needs a whole number from 1, not "many"'
    )


def test_an_unknown_executor_is_answered_with_the_known_ones(
    run: Command, nats_server: NatsServer
) -> None:
    text = f"[nats]\nurl = '{nats_server.url}'\n[client]\nexecutor = 'abacus'\n"

    error = said(run, "client", *settings(run, text))

    assert "there is no executor 'abacus': choose one of process" in error


def test_commands_without_a_server_say_how_to_get_one(run: Command) -> None:
    error = said(run, "jobs", "--server", "http://127.0.0.1:1")

    assert "no server answers at http://127.0.0.1:1" in error
    assert "job-orchestrator up" in error


def test_an_address_that_is_no_url_is_said_to_be_none(run: Command) -> None:
    assert "not an http address" in said(run, "jobs", "--server", "localhost:5000")


def test_the_log_without_nats_says_where_it_looked(run: Command) -> None:
    error = said(run, "log", "tail", *settings(run, f"[nats]\nurl = '{NO_NATS}'\n"))

    assert f"no NATS server answers at {NO_NATS}" in error
