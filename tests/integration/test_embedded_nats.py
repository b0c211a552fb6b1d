"""The embedded nats-server: who may do what, and how it lives and dies."""

import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import pytest
from nats.aio.msg import Msg

from orchestrator.errors import (
    DataDirectoryError,
    EmbeddedDirectoryInUseError,
    EmbeddedPortTakenError,
    EmbeddedServerError,
    LogAccessError,
)
from orchestrator.event_log.durability import Durability, check_durability
from orchestrator.event_log.embedded import EmbeddedServer, start_embedded
from orchestrator.event_log.embedded_users import User
from orchestrator.event_log.jetstream import open_jetstream
from orchestrator.event_log.port import Draft, Message
from orchestrator.nats_connection import NatsConnection, connect

pytestmark = pytest.mark.integration

OWNER = """
import sys, anyio
from pathlib import Path
from orchestrator.event_log.embedded import start_embedded

async def main():
    async with start_embedded(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncGenerator[EmbeddedServer]:
    async with start_embedded(tmp_path / "nats") as started:
        yield started


def connect_as(
    server: EmbeddedServer, user: User
) -> AbstractAsyncContextManager[NatsConnection]:
    return connect(server.url, name="test", user=user.user, password=user.password)


_PATIENCE_SECONDS = 5.0


async def heard_by(
    listener: NatsConnection,
    subjects: Sequence[str],
    speaker: NatsConnection,
    *said: str,
    expected: int = 0,
) -> list[str]:
    """Return what is heard on some subjects of what another says.

    So many are waited for; more may be heard all the same.
    """
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    for subject in subjects:
        await listener.client.subscribe(subject, cb=hear)
    await listener.client.flush()
    for subject in said:
        await speaker.client.publish(subject, b"")
    # Each answer to a ping comes after everything that was sent before it; then every
    # subscription has a task of its own to come to what it was sent.
    await speaker.client.flush()
    await listener.client.flush()
    with anyio.move_on_after(_PATIENCE_SECONDS):
        while len(heard) < expected:  # noqa: ASYNC110 - nats-py tells nobody
            await anyio.sleep(0.01)
    await anyio.wait_all_tasks_blocked()
    return heard


async def test_a_server_may_say_and_hear_everything(server: EmbeddedServer) -> None:
    said = ["jobs.haddock.1", "log.writer", "commands.0", "reports.c1"]
    async with (
        connect_as(server, server.server) as one,
        connect_as(server, server.server) as other,
    ):
        assert await heard_by(other, [">"], one, *said, expected=4) == said


async def test_a_client_may_only_say_reports_and_heartbeats(
    server: EmbeddedServer,
) -> None:
    async with (
        connect_as(server, server.client) as client,
        connect_as(server, server.server) as listener,
    ):
        heard = await heard_by(
            listener,
            [">"],
            client,
            "reports.c1",
            "jobs.haddock.1",
            "assignments.c1",
            "log.assignments.c1",
            "writer",
            "commands.0",
            "$JS.API.STREAM.DELETE.ORCHESTRATOR",
            "_INBOX.another",
            "heartbeats.c1",
            expected=2,
        )
    assert heard == ["reports.c1", "heartbeats.c1"]


async def test_a_client_may_only_hear_assignments_collections_and_answers(
    server: EmbeddedServer,
) -> None:
    allowed = ["log.assignments.c1", "collect.c1", "_INBOX.c1"]
    refused = ["log.jobs.haddock.1", "jobs.haddock.1", "reports.c2", "commands.0", ">"]
    async with (
        connect_as(server, server.client) as client,
        connect_as(server, server.server) as speaker,
    ):
        heard = await heard_by(
            client,
            [*refused, *allowed],
            speaker,
            *refused[:-1],
            *allowed,
            expected=len(allowed),
        )
    # Two subscriptions are not in order to each other.
    assert sorted(heard) == sorted(allowed)


async def test_a_client_may_answer_what_it_was_asked(server: EmbeddedServer) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(b"here")

    async with (
        connect_as(server, server.client) as client,
        connect_as(server, server.server) as asker,
    ):
        await client.client.subscribe("collect.c1", cb=answer)
        await client.client.flush()
        reply = await asker.client.request("collect.c1", b"?", timeout=5)
    assert reply.data == b"here"


async def test_a_monitor_hears_the_log_and_says_nothing(server: EmbeddedServer) -> None:
    said = ["log.jobs.haddock.1", "jobs.haddock.1", "reports.c1", "log.writer"]
    async with (
        connect_as(server, server.monitor) as monitor,
        connect_as(server, server.server) as other,
    ):
        patterns = ["log.>", "jobs.>", "reports.>"]
        heard = await heard_by(monitor, patterns, other, *said, expected=2)
        assert heard == [said[0], said[3]]
        assert await heard_by(other, [">"], monitor, *said, "_INBOX.a") == []


async def test_nobody_comes_in_without_a_password(server: EmbeddedServer) -> None:
    with pytest.raises(LogAccessError):
        async with connect(server.url, name="stranger"):
            pass


async def test_an_event_survives_a_clean_restart(tmp_path: Path) -> None:
    for _ in range(2):
        async with (
            start_embedded(tmp_path) as server,
            open_jetstream(
                server.url, user=server.server.user, password=server.server.password
            ) as log,
        ):
            if (await log.end()).position == 0:
                await log.append([Draft("writer", b"once")], expected=0)
            assert await log.read(1) == Message(1, "writer", b"once")
            assert await check_durability([server.monitoring_url]) is (
                Durability.VERIFIED
            )


async def test_the_users_are_made_once_and_are_for_our_eyes_only(
    tmp_path: Path,
) -> None:
    found: list[tuple[User, User, User]] = []
    for _ in range(2):
        async with start_embedded(tmp_path) as server:
            found.append((server.server, server.client, server.monitor))
    assert found[0] == found[1]
    assert len({user.password for user in found[0]}) == 3
    assert (tmp_path / "nats-users.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "nats-server.conf").stat().st_mode & 0o777 == 0o600
    assert found[0][0].password not in repr(found)


async def test_a_taken_port_is_named(server: EmbeddedServer, tmp_path: Path) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(EmbeddedPortTakenError, match=rf"127\.0\.0\.1:{port}, it"):
        async with start_embedded(tmp_path / "other", port=port):
            pass


async def test_a_given_port_is_used(server: EmbeddedServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with start_embedded(tmp_path / "other", port=port) as other:
        assert other.url == f"nats://127.0.0.1:{port}"
    assert other.url != server.url


async def test_one_directory_is_for_one_server(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    with pytest.raises(EmbeddedDirectoryInUseError, match=str(tmp_path / "nats")):
        async with start_embedded(tmp_path / "nats"):
            pass
    assert server.pid > 0


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match=str(tmp_path / "file" / "nats")):
        async with start_embedded(tmp_path / "file" / "nats"):
            pass


async def test_a_server_that_dies_says_so_with_its_last_words(
    server: EmbeddedServer,
) -> None:
    os.kill(server.pid, signal.SIGKILL)
    last_words = r"code -9[^$]*Server is ready"
    with anyio.fail_after(5), pytest.raises(EmbeddedServerError, match=last_words):
        await server.watch()


async def test_leaving_ends_the_server(tmp_path: Path) -> None:
    async with start_embedded(tmp_path) as server:
        assert is_alive(server.pid)
    assert not is_alive(server.pid)


async def test_an_interrupt_of_the_terminal_does_not_reach_the_server(
    server: EmbeddedServer,
) -> None:
    assert os.getsid(server.pid) != os.getsid(0)
    assert os.getpgid(server.pid) != os.getpgid(0)


async def test_a_server_dies_with_its_killed_owner_and_its_directory_is_free(
    tmp_path: Path,
) -> None:
    async with await anyio.open_process(
        [sys.executable, "-c", OWNER, str(tmp_path)], stderr=None
    ) as owner:
        assert owner.stdout is not None
        pid = int(await owner.stdout.receive())
        assert is_alive(pid)
        owner.kill()
        await owner.wait()
    with anyio.fail_after(5):
        async with start_embedded(tmp_path) as heir:
            assert not is_alive(pid)
            assert heir.pid != pid


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits to be reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(") ")[2][0] != "Z"
