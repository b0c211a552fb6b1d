"""Many attempts leave no process, descriptor or file behind."""

import os
from pathlib import Path

import anyio

from clients.executors.process import ProcessExecutor
from tests.integration.process_executor.workbench import Workbench, children, until


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def run_one(executor: ProcessExecutor, workbench: Workbench, number: int) -> None:
    job_id = f"job{number}"
    await executor.start(workbench.launch(f"exit {number % 100}", job_id=job_id))
    outcome = await executor.wait(job_id, 1)
    assert outcome.exit_code == number % 100
    await executor.forget(job_id, 1)


async def test_two_hundred_jobs_leave_nothing(workbench: Workbench) -> None:
    async with workbench.executor() as executor:
        await executor.start(workbench.launch("sleep 300", job_id="witness"))
        spawner = workbench.spawner("witness")
        before = descriptors(os.getpid()), descriptors(spawner)
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(run_one, executor, workbench, number)
        await until(lambda: children(spawner) == [workbench.supervisor("witness")])
        await until(lambda: descriptors(spawner) <= before[1])
        assert descriptors(os.getpid()) <= before[0]
        assert await executor.held() == [("witness", 1)]
        left = [path.name for path in (workbench.state / "control").iterdir()]
        assert left == ["witness.1.lock"]
