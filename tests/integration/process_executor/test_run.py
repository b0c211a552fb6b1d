"""An attempt runs as it was launched, and its end is told as it was."""

import os
import signal
from pathlib import Path

import anyio
import msgspec
import pytest

from clients.executors.executor import Outcome
from orchestrator.errors import (
    ExecutorBusyError,
    SpawnerUnavailableError,
    SpawnFailedError,
)
from tests.integration.process_executor.workbench import PATH, Workbench


async def run(workbench: Workbench, script: str) -> Outcome:
    async with workbench.executor() as executor:
        await executor.start(workbench.launch(script))
        return await executor.wait("job", 1)


@pytest.mark.parametrize("code", [0, 1, 3, 127, 255])
async def test_an_exit_code_is_told_exactly(workbench: Workbench, code: int) -> None:
    outcome = await run(workbench, f"exit {code}")
    assert (outcome.exit_code, outcome.signal) == (code, None)
    assert (outcome.failure, outcome.stopped) == (None, False)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE])
async def test_a_signal_is_told_exactly(
    workbench: Workbench,
    number: signal.Signals,
) -> None:
    outcome = await run(workbench, f"kill -{number} $$")
    assert (outcome.exit_code, outcome.signal) == (None, number)
    assert not outcome.stopped


async def test_output_is_captured_and_the_input_is_empty(workbench: Workbench) -> None:
    await run(workbench, "cat; echo out; echo err >&2; echo more")
    assert workbench.stdout() == "out\nmore\n"
    assert workbench.stderr() == "err\n"


async def test_a_job_runs_in_its_directory(workbench: Workbench) -> None:
    await run(workbench, "pwd; echo made > made")
    assert workbench.stdout() == f"{workbench.directory()}\n"
    assert (workbench.directory() / "made").read_text() == "made\n"


async def test_a_job_has_the_given_environment_and_nothing_else(
    workbench: Workbench,
) -> None:
    environment = {"PATH": PATH, "EMPTY": "", "ODD": "a=b\n é 漢 \udcff"}
    launch = workbench.launch("", environment=environment)
    async with workbench.executor() as executor:
        await executor.start(msgspec.structs.replace(launch, argv=("env", "-0")))
        await executor.wait("job", 1)
    printed = (workbench.root / "job.stdout").read_bytes()
    given = {os.fsencode(f"{name}={value}") for name, value in environment.items()}
    assert set(printed.rstrip(b"\0").split(b"\0")) == given


async def test_a_job_inherits_no_descriptor_and_no_signal_settings(
    workbench: Workbench,
) -> None:
    await run(workbench, "ls /proc/self/fd | wc -w; grep ^Sig /proc/self/status")
    descriptors, *settings = workbench.stdout().splitlines()
    assert int(descriptors) == 4  # three, and the one that ls reads them through
    masks = dict(line.split(":\t") for line in settings)
    assert int(masks["SigBlk"], 16) == 0
    assert int(masks["SigIgn"], 16) == 0


async def test_a_job_leads_a_session_of_its_own(workbench: Workbench) -> None:
    await run(workbench, "echo $$ $(ps -o sid= -p $$)")
    process, session = workbench.stdout().split()
    assert process == session


async def test_usage_counts_the_whole_family(workbench: Workbench) -> None:
    burn = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"
    daemon = f"(setsid bash -c '{burn}; touch burnt' &)"
    outcome = await run(workbench, f"{daemon}; until [ -e burnt ]; do sleep .01; done")
    assert outcome.usage is not None
    assert outcome.usage.user_cpu_ms >= 20
    assert outcome.usage.wall_ms >= outcome.usage.user_cpu_ms / 2


async def test_the_size_of_a_large_job_is_told(workbench: Workbench) -> None:
    outcome = await run(workbench, "x=$(head -c 50000000 /dev/zero | tr '\\0' x)")
    assert outcome.usage is not None
    assert 50_000 <= outcome.usage.max_rss_kib <= 200_000


async def test_a_small_job_is_not_given_the_size_of_its_spawner(
    workbench: Workbench,
) -> None:
    outcome = await run(workbench, "true")
    assert outcome.usage is not None
    assert outcome.usage.max_rss_kib == 0


async def test_a_missing_script_is_an_exit_code(workbench: Workbench) -> None:
    launch = workbench.launch("")
    (launch.directory / "run.sh").unlink()
    async with workbench.executor() as executor:
        await executor.start(launch)
        assert (await executor.wait("job", 1)).exit_code == 127
    assert "run.sh" in workbench.stderr()


async def test_what_cannot_start_is_said_and_not_held(workbench: Workbench) -> None:
    launch = workbench.launch("")
    script = str(launch.directory / "run.sh")
    replace = msgspec.structs.replace
    bad = {
        "No such file": replace(launch, argv=("/does/not/exist",)),
        "Permission denied": replace(launch, argv=(script,)),
        "No such file or directory: '/gone'": replace(launch, directory=Path("/gone")),
        "null byte": replace(launch, environment={"A": "\0"}),
        "range": replace(launch, argv=()),
    }
    async with workbench.executor() as executor:
        for reason, changed in bad.items():
            with pytest.raises(SpawnFailedError, match=reason):
                await executor.start(changed)
        assert await executor.held() == []
        await executor.start(launch)  # the same attempt, put right
        assert (await executor.wait("job", 1)).exit_code == 0


async def test_starting_twice_runs_once(workbench: Workbench) -> None:
    launch = workbench.launch("echo once")
    async with workbench.executor() as executor:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(executor.start, launch)
        assert (await executor.wait("job", 1)).exit_code == 0
        await executor.start(launch)
        assert (await executor.wait("job", 1)).exit_code == 0
    assert workbench.stdout() == "once\n"


async def test_an_outcome_is_kept_until_it_is_forgotten(workbench: Workbench) -> None:
    async with workbench.executor() as executor:
        for attempt in (1, 12):
            launch = workbench.launch("", job_id="a.b-c_d", attempt=attempt)
            await executor.start(launch)
            await executor.wait("a.b-c_d", attempt)
        assert sorted(await executor.held()) == [("a.b-c_d", 1), ("a.b-c_d", 12)]
        await executor.forget("a.b-c_d", 1)
        await executor.forget("a.b-c_d", 1)
        assert await executor.held() == [("a.b-c_d", 12)]
        assert (await executor.wait("a.b-c_d", 12)).exit_code == 0


async def test_any_job_id_is_safe_as_a_file_name(workbench: Workbench) -> None:
    launch = workbench.launch("exit 9")
    async with workbench.executor() as executor:
        for job_id in ("../../up", "..", "a/b.2", "é 漢%2F", "-rf"):
            await executor.start(msgspec.structs.replace(launch, job_id=job_id))
            outcome = await executor.wait(job_id, 1)
            assert (outcome.job_id, outcome.exit_code) == (job_id, 9)
            assert await executor.held() == [(job_id, 1)]
            await executor.forget(job_id, 1)
    assert list((workbench.state / "control").iterdir()) == []


async def test_an_attempt_that_nobody_knows_is_lost(workbench: Workbench) -> None:
    async with workbench.executor() as executor:
        await executor.stop("nobody", 1)
        assert (await executor.wait("nobody", 1)).failure == "lost"


async def test_a_directory_with_a_long_name_is_served(workbench: Workbench) -> None:
    workbench.state = workbench.root / ("long" * 30) / ("longer" * 20)
    assert (await run(workbench, "exit 4")).exit_code == 4


async def test_a_second_agent_is_refused(workbench: Workbench) -> None:
    async with workbench.executor():
        with pytest.raises(ExecutorBusyError, match="already uses"):
            async with workbench.executor():
                pytest.fail("two agents hold one directory")


async def test_a_spawner_that_cannot_serve_says_why(workbench: Workbench) -> None:
    obstacle = workbench.state / "spawner.sock"
    obstacle.mkdir(parents=True)
    with pytest.raises(SpawnerUnavailableError, match="Is a directory"):
        async with workbench.executor():
            pytest.fail("nobody listens there")
    obstacle.rmdir()
    assert (await run(workbench, "exit 5")).exit_code == 5
