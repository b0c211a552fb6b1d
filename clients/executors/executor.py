"""What an agent asks of a backend that runs attempts, and what it is told."""

from pathlib import Path
from typing import Protocol

from msgspec import Struct


class Launch(Struct, frozen=True, kw_only=True):
    """Everything that is needed to start one attempt."""

    job_id: str
    attempt: int
    directory: Path  # the job's work directory: exists, is the job's cwd
    environment: dict[str, str]  # the whole of it: nothing is inherited
    argv: tuple[str, ...] = ("bash", "run.sh")
    stdout: Path  # outside `directory`, as is stderr
    stderr: Path
    grace_seconds: float = 2.0  # between TERM and KILL


class Usage(Struct, frozen=True, kw_only=True):
    """What an attempt used, with everything that it left behind.

    `max_rss_kib` is 0 where the peak is too small to be told apart from what the
    starting process itself weighed (about 10 MiB).
    """

    wall_ms: int
    user_cpu_ms: int
    system_cpu_ms: int
    max_rss_kib: int


class Outcome(Struct, frozen=True, kw_only=True):
    """How an attempt ended.

    `failure` is "spawn_failed", "lost" (nobody saw the end) or "unkillable" (some of
    its processes are still there: its slot is not free); None when it ended by itself
    or because it was stopped.
    """

    job_id: str
    attempt: int
    exit_code: int | None = None
    signal: int | None = None
    failure: str | None = None
    stopped: bool = False  # stop() was asked before it ended
    usage: Usage | None = None


class Executor(Protocol):
    """A backend on which attempts run; opened as an async context manager."""

    async def start(self, launch: Launch) -> None:
        """Start an attempt; one that is already held is left as it is.

        Raises:
            SpawnFailedError: it could not be started; nothing of it is held.
        """
        ...

    async def wait(self, job_id: str, attempt: int) -> Outcome:
        """Return how an attempt ended, once it has.

        Also for an attempt that an earlier agent started; one that nobody knows is
        lost.
        """
        ...

    async def stop(self, job_id: str, attempt: int) -> None:
        """Ask an attempt to end, and make it after its grace; `wait` tells the end.

        Does nothing for one that has ended.
        """
        ...

    async def held(self) -> list[tuple[str, int]]:
        """Return the attempts that run, or whose outcome is not yet forgotten."""
        ...

    async def forget(self, job_id: str, attempt: int) -> None:
        """Drop what is kept about an attempt that has ended and was reported."""
        ...
