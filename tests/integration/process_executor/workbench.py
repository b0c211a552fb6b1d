"""A directory in which attempts run, and ways to look at their processes."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio

from clients.executors.executor import Launch
from clients.executors.process import ProcessExecutor

PATH = "/usr/local/bin:/usr/bin:/bin"


class Workbench:
    """Makes executors over one control directory, and launches for them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "executor"

    def executor(
        self,
        *,
        stop_with_agent: bool = False,
        idle_seconds: float = 60.0,
        kill_seconds: float = 30.0,
    ) -> ProcessExecutor:
        return ProcessExecutor(
            self.state,
            stop_with_agent=stop_with_agent,
            idle_seconds=idle_seconds,
            kill_seconds=kill_seconds,
        )

    def launch(
        self,
        script: str,
        *,
        job_id: str = "job",
        attempt: int = 1,
        environment: dict[str, str] | None = None,
        grace_seconds: float = 2.0,
    ) -> Launch:
        """Return a launch of a bash script in a work directory of its own."""
        directory = self.directory(job_id)
        directory.mkdir(exist_ok=True)
        (directory / "run.sh").write_text(script)
        given = {"PATH": PATH, "HOME": str(directory)}
        return Launch(
            job_id=job_id,
            attempt=attempt,
            directory=directory,
            environment=given if environment is None else environment,
            stdout=self.root / f"{job_id}.stdout",
            stderr=self.root / f"{job_id}.stderr",
            grace_seconds=grace_seconds,
        )

    def directory(self, job_id: str = "job") -> Path:
        return self.root / f"{job_id}.work"

    def stdout(self, job_id: str = "job") -> str:
        return (self.root / f"{job_id}.stdout").read_text()

    def stderr(self, job_id: str = "job") -> str:
        return (self.root / f"{job_id}.stderr").read_text()

    def supervisor(self, job_id: str = "job", attempt: int = 1) -> int:
        lock = self.state / "control" / f"{job_id}.{attempt}.lock"
        return int(lock.read_bytes().splitlines()[1])

    def spawner(self, job_id: str = "job") -> int:
        """Return the parent of an attempt's supervisor."""
        return parent(self.supervisor(job_id))

    async def written(self, name: str, job_id: str = "job") -> str:
        """Return the one line that a job writes into a file, once it has."""
        path = self.directory(job_id) / name
        await until(lambda: path.exists() and path.read_text().endswith("\n"))
        return path.read_text().strip()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return when a condition holds; fail when it does not in time."""
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells us
            await anyio.sleep(0.005)


def parent(pid: int) -> int:
    return int(_stat(pid)[1])


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    with suppress(OSError):
        return _stat(pid)[0] != "Z"
    return False


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def processes_with(marker: str) -> list[int]:
    """Return the processes with a word in their command line."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and marker.encode() in _command_line(entry)
    ]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _command_line(process: Path) -> bytes:
    with suppress(OSError):
        return (process / "cmdline").read_bytes()
    return b""
