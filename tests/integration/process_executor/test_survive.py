"""What happens to attempts when the agent, the spawner or a supervisor is killed."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.abc
import pytest

from tests.integration.process_executor import agent_process
from tests.integration.process_executor.workbench import (
    Workbench,
    children,
    is_alive,
    kill,
    parent,
    processes_with,
    until,
)

WAIT_FOR_GO = "echo $$ > pid; until [ -e go ]; do sleep 0.01; done; exit 6"
DAEMON = "setsid bash -c 'exec -a MARKER sleep 300' &\n"


@asynccontextmanager
async def agent(
    workbench: Workbench,
    script: str,
    option: str = "stay",
) -> AsyncGenerator[anyio.abc.Process]:
    """Run an agent in another process until its job runs; kill -9 it at the end."""
    module = agent_process.__name__
    command = [sys.executable, "-m", module, str(workbench.root), script, option]
    process = await anyio.open_process(
        command,
        cwd=Path(__file__).parents[3],
        stdout=subprocess.DEVNULL,
        stderr=None,
    )
    async with process:
        try:
            await until((workbench.root / "agent-has-started-it").exists)
            yield process
        finally:
            with suppress(ProcessLookupError):  # the test may have done it
                process.kill()
            await process.wait()


async def test_a_new_agent_has_what_a_killed_one_started(workbench: Workbench) -> None:
    async with agent(workbench, WAIT_FOR_GO):
        pid = int(await workbench.written("pid"))
    async with workbench.executor() as executor:
        assert await executor.held() == [("job", 1)]
        assert is_alive(pid)
        (workbench.directory() / "go").touch()
        assert (await executor.wait("job", 1)).exit_code == 6


async def test_an_end_that_no_agent_saw_is_told_to_the_next(
    workbench: Workbench,
) -> None:
    async with workbench.executor() as executor:
        await executor.start(workbench.launch(WAIT_FOR_GO))
        supervisor = workbench.supervisor()
    (workbench.directory() / "go").touch()
    await until(lambda: not is_alive(supervisor))
    async with workbench.executor() as executor:
        assert await executor.held() == [("job", 1)]
        assert (await executor.wait("job", 1)).exit_code == 6


async def test_what_a_former_agent_half_asked_is_void(workbench: Workbench) -> None:
    async with workbench.executor() as executor:
        await executor.start(workbench.launch("sleep 300"))
    async with await anyio.connect_unix(workbench.state / "spawner.sock") as former:
        await former.send(b'{"start": {"key": "half.1", "job_id": "half", ')
        async with workbench.executor() as executor:
            with pytest.raises(anyio.EndOfStream), anyio.fail_after(5):
                await former.receive()
            assert await executor.held() == [("job", 1)]


async def test_one_spawner_serves_one_agent_after_another(workbench: Workbench) -> None:
    spawners: set[int] = set()
    for job_id in ("first", "second"):
        async with workbench.executor() as executor:
            await executor.start(workbench.launch("sleep 300", job_id=job_id))
            spawners.add(workbench.spawner(job_id))
    assert len(spawners) == 1


async def test_an_attempt_whose_supervisor_is_killed_is_lost(
    workbench: Workbench,
) -> None:
    marker = f"orphan-{workbench.root.parent.name}"
    script = DAEMON.replace("MARKER", marker) + WAIT_FOR_GO
    async with workbench.executor() as executor:
        await executor.start(workbench.launch(script, environment={"PATH": "/bin"}))
        pid = int(await workbench.written("pid"))
        await until(lambda: processes_with(marker))
        kill(workbench.supervisor())
        assert (await executor.wait("job", 1)).failure == "lost"
        # The spawner kills whom it inherits, whatever their environment.
        await until(lambda: not is_alive(pid) and not processes_with(marker))
        assert await executor.held() == [("job", 1)]


async def test_attempts_outlive_their_spawner(workbench: Workbench) -> None:
    async with workbench.executor() as executor:
        await executor.start(workbench.launch(WAIT_FOR_GO))
        await executor.start(workbench.launch("sleep 300", job_id="other"))
        kill(workbench.spawner())
        await executor.stop("other", 1)
        assert (await executor.wait("other", 1)).stopped
        (workbench.directory() / "go").touch()
        assert (await executor.wait("job", 1)).exit_code == 6


async def test_a_killed_spawner_is_replaced(workbench: Workbench) -> None:
    async with workbench.executor() as executor:
        await executor.start(workbench.launch("sleep 300", job_id="old"))
        kill(workbench.spawner("old"))
        async with anyio.create_task_group() as group:
            for job_id in ("a", "b", "c"):
                launch = workbench.launch("exit 3", job_id=job_id)
                group.start_soon(executor.start, launch)
        for job_id in ("a", "b", "c"):
            assert (await executor.wait(job_id, 1)).exit_code == 3
        await executor.start(workbench.launch("", job_id="old"))  # still running
        await executor.stop("old", 1)
        assert (await executor.wait("old", 1)).stopped


async def test_with_spawner_and_supervisor_dead_the_tag_finds_the_rest(
    workbench: Workbench,
) -> None:
    marker = f"orphan-{workbench.root.parent.name}"
    script = DAEMON.replace("MARKER", marker) + WAIT_FOR_GO
    async with workbench.executor() as executor:
        await executor.start(workbench.launch(script))
        await workbench.written("pid")
        await until(lambda: processes_with(marker))
        supervisor = workbench.supervisor()
        kill(workbench.spawner())
        kill(supervisor)
    async with workbench.executor() as executor:
        assert (await executor.wait("job", 1)).failure == "lost"
        assert processes_with(marker) == []


async def test_nothing_outlives_an_agent_that_it_shall_stop_with(
    workbench: Workbench,
) -> None:
    async with workbench.executor(stop_with_agent=True) as executor:
        await executor.start(workbench.launch(WAIT_FOR_GO))
        deaf = "trap '' TERM; sleep 300"
        launch = workbench.launch(deaf, job_id="deaf", grace_seconds=0.1)
        await executor.start(launch)
        pid = int(await workbench.written("pid"))
        spawner, supervisors = workbench.spawner(), children(workbench.spawner())
    assert not [one for one in (pid, spawner, *supervisors) if is_alive(one)]
    async with workbench.executor() as executor:  # and what happened is known
        assert (await executor.wait("job", 1)).stopped


async def test_nothing_outlives_such_an_agent_that_is_killed(
    workbench: Workbench,
) -> None:
    async with agent(workbench, WAIT_FOR_GO, "stop"):
        pid = int(await workbench.written("pid"))
        family = (pid, workbench.supervisor(), workbench.spawner())
        assert all(is_alive(one) for one in family)
    await until(lambda: not any(is_alive(one) for one in family))


@pytest.mark.parametrize("first_killed", ["agent", "spawner"])
async def test_nothing_outlives_such_an_agent_and_its_spawner(
    workbench: Workbench,
    first_killed: str,
) -> None:
    async with agent(workbench, WAIT_FOR_GO, "stop") as process:
        pid = int(await workbench.written("pid"))
        supervisor, spawner = workbench.supervisor(), workbench.spawner()
        victims = {"agent": process.pid, "spawner": spawner}
        kill(victims.pop(first_killed))
        kill(*victims.values())
        await until(lambda: not is_alive(pid) and not is_alive(supervisor))


async def test_a_spawner_that_nobody_needs_ends(workbench: Workbench) -> None:
    async with workbench.executor(idle_seconds=0.1) as executor:
        await executor.start(workbench.launch(WAIT_FOR_GO))
        spawner, supervisor = workbench.spawner(), workbench.supervisor()
    assert is_alive(spawner)
    (workbench.directory() / "go").touch()
    await until(lambda: not is_alive(supervisor))
    await until(lambda: not is_alive(spawner))
    async with workbench.executor() as executor:
        assert (await executor.wait("job", 1)).exit_code == 6


async def test_no_spawner_stays_behind_as_a_zombie(workbench: Workbench) -> None:
    async with workbench.executor(stop_with_agent=True) as executor:
        await executor.start(workbench.launch("sleep 300", job_id="old"))
        killed = workbench.spawner("old")
        kill(killed)
        await executor.start(workbench.launch("sleep 300", job_id="new"))
        stopped = workbench.spawner("new")
        assert parent(stopped) == os.getpid()
    # Not even as a child that nobody has waited for.
    assert not {killed, stopped} & {*children(os.getpid())}
