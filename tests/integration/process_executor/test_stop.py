"""When an attempt ends, or is made to, nothing of it is left."""

import signal
import sys

import anyio
import pytest

from clients.executors.executor import Outcome
from tests.integration.process_executor.workbench import (
    Workbench,
    is_alive,
    processes_with,
    until,
)

NAP = "exec -a MARKER sleep 300"
RUNNER = """
import os, sys
while True:
    if os.fork():
        os._exit(0)
    os.setsid()
"""
OWN_SUBREAPER = """
import ctypes, os, signal, sys
if os.fork():
    sys.exit()
os.setsid()
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        break
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True:
    signal.pause()
"""
# What a job may do to leave something behind.
TRICKS = {
    "background": f"bash -c '{NAP}' &",
    "nohup": f"nohup bash -c '{NAP}' >/dev/null 2>&1 &",
    "setsid": f"setsid bash -c '{NAP}' &",
    "double_fork": f"( ( bash -c '{NAP}' & ) & )",
    "setsid_double_fork": f"( setsid bash -c '({NAP}) &' & )",
    "no_environment": f"env -i setsid /bin/bash -c 'PATH=/usr/bin:/bin; {NAP}' &",
    "ignores_term": f"setsid bash -c 'trap \"\" TERM HUP INT; {NAP}' &",
    "stopped": f"setsid bash -c 'kill -STOP $$; {NAP}' MARKER &",
    "own_group": f"set -m; bash -c '{NAP}' & disown",
    "own_subreaper": f"{sys.executable} -S own_subreaper.py MARKER",
    "fork_runner": f"{sys.executable} -S fork_runner.py MARKER",
}


def prepare(workbench: Workbench, script: str, marker: str) -> str:
    """Return a script that plays a trick and then waits for a file called `go`."""
    workbench.launch("")
    (workbench.directory() / "fork_runner.py").write_text(RUNNER)
    (workbench.directory() / "own_subreaper.py").write_text(OWN_SUBREAPER)
    played = script.replace("MARKER", marker)
    return f"{played}\necho up > up\nuntil [ -e go ]; do sleep 0.01; done; exit 7"


@pytest.mark.parametrize("trick", TRICKS)
async def test_nothing_outlives_the_end_of_a_job(
    workbench: Workbench,
    trick: str,
) -> None:
    marker = f"left-by-{trick}-{workbench.root.parent.name}"
    script = prepare(workbench, TRICKS[trick], marker)
    async with workbench.executor() as executor:
        await executor.start(workbench.launch(script))
        await workbench.written("up")
        await until(lambda: processes_with(marker))
        (workbench.directory() / "go").touch()
        outcome = await executor.wait("job", 1)
    assert (outcome.exit_code, outcome.failure) == (7, None)
    assert processes_with(marker) == []


async def test_a_stop_reaches_everything_at_once(workbench: Workbench) -> None:
    marker = f"left-by-all-{workbench.root.parent.name}"
    script = prepare(workbench, "\n".join(TRICKS.values()), marker)
    async with workbench.executor() as executor:
        await executor.start(workbench.launch(script, grace_seconds=0.1))
        await workbench.written("up")
        await until(lambda: len(processes_with(marker)) >= len(TRICKS))
        await executor.stop("job", 1)
        outcome = await executor.wait("job", 1)
    assert (outcome.stopped, outcome.failure) == (True, None)
    assert processes_with(marker) == []


async def stop(
    workbench: Workbench,
    script: str,
    *,
    grace_seconds: float = 10.0,
) -> Outcome:
    """Start a script, stop it when it has written its `pid`, return its outcome."""
    launch = workbench.launch(script, grace_seconds=grace_seconds)
    async with workbench.executor() as executor:
        await executor.start(launch)
        pid = int(await workbench.written("pid"))
        await executor.stop("job", 1)
        await executor.stop("job", 1)
        outcome = await executor.wait("job", 1)
    assert not is_alive(pid)
    return outcome


async def test_an_obedient_job_ends_by_term(workbench: Workbench) -> None:
    outcome = await stop(workbench, "echo $$ > pid; exec sleep 300")
    assert (outcome.signal, outcome.stopped) == (signal.SIGTERM, True)
    assert outcome.usage is not None
    assert outcome.usage.wall_ms < 5_000


async def test_a_job_may_use_its_grace(workbench: Workbench) -> None:
    script = (
        "trap 'echo saved; exit 5' TERM; echo $$ > pid; while :; do sleep .01; done"
    )
    outcome = await stop(workbench, script)
    assert (outcome.exit_code, outcome.signal, outcome.stopped) == (5, None, True)
    assert workbench.stdout() == "saved\n"


async def test_what_the_script_started_has_its_grace_too(workbench: Workbench) -> None:
    solver = "trap 'sleep 0.2; echo saved; exit' TERM; echo $$ > pid; while :; do sleep .01; done"
    outcome = await stop(
        workbench, f'bash -c "{solver.replace("$$", "\\$\\$")}" & wait'
    )
    assert (outcome.signal, outcome.stopped) == (signal.SIGTERM, True)
    assert workbench.stdout() == "saved\n"


async def test_a_job_that_ignores_term_is_killed(workbench: Workbench) -> None:
    script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.01; done"
    outcome = await stop(workbench, script, grace_seconds=0.1)
    assert (outcome.signal, outcome.stopped) == (signal.SIGKILL, True)


async def test_a_suspended_job_can_be_stopped(workbench: Workbench) -> None:
    outcome = await stop(workbench, "echo $$ > pid; kill -STOP $$; sleep 300")
    assert (outcome.signal, outcome.stopped) == (signal.SIGTERM, True)


async def test_a_stop_during_the_start_is_not_forgotten(workbench: Workbench) -> None:
    async with workbench.executor() as executor, anyio.create_task_group() as group:
        group.start_soon(executor.start, workbench.launch("sleep 300"))
        await until((workbench.state / "control" / "job.1.lock").exists)
        await executor.stop("job", 1)
        assert (await executor.wait("job", 1)).stopped


async def test_a_stop_after_the_end_changes_nothing(workbench: Workbench) -> None:
    async with workbench.executor() as executor:
        await executor.start(workbench.launch("exit 2"))
        ended = await executor.wait("job", 1)
        await executor.stop("job", 1)
        assert await executor.wait("job", 1) == ended
        assert (ended.exit_code, ended.stopped) == (2, False)


async def test_who_is_still_there_after_the_deadline_is_reported(
    workbench: Workbench,
) -> None:
    marker = f"left-by-many-{workbench.root.parent.name}"
    many = f"for i in {{1..40}}; do bash -c '{NAP}' & done; echo up > up".replace(
        "MARKER",
        marker,
    )
    async with workbench.executor(kill_seconds=0.0) as executor:
        await executor.start(workbench.launch(many))
        assert (await executor.wait("job", 1)).failure == "unkillable"
        # The spawner inherits them, and goes on.
        await until(lambda: processes_with(marker) == [])
