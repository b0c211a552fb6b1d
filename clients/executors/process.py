"""The executor that runs attempts as processes of this machine."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote

import anyio
import msgspec

from clients.executors.control import Control
from clients.executors.executor import Launch, Outcome
from clients.executors.linux import kill_tagged
from clients.executors.spawner import CONTROL
from clients.executors.spawner_link import SpawnerLink
from clients.executors.supervisor import Order
from orchestrator.errors import ExecutorBusyError, SpawnFailedError
from orchestrator.file_lock import try_lock

_BUSY_SECONDS = 0.5
_BUSY_PAUSE_SECONDS = 0.05
_ORPHAN_SECONDS = 5.0
_ORPHAN_PAUSE_SECONDS = 0.02
_STOP_SECONDS = 60.0
_STARTS_AT_ONCE = 64


class ProcessExecutor:
    """Runs attempts in the care of a spawner, which outlives the agent.

    Entered again over the same directory, it has what an earlier one started. With
    `stop_with_agent` nothing outlives it: neither its exit nor its violent death.
    """

    def __init__(
        self,
        directory: Path,
        *,
        stop_with_agent: bool = False,
        idle_seconds: float = 60.0,
        kill_seconds: float = 30.0,
    ) -> None:
        self._directory = directory.absolute()
        self._stop_with_agent = stop_with_agent
        self._kill_seconds = kill_seconds
        self._control = Control(self._directory / CONTROL)
        self._link = SpawnerLink(
            self._directory,
            stop_with_agent=stop_with_agent,
            idle_seconds=idle_seconds,
        )
        self._starting: dict[str, anyio.Event] = {}
        self._starts = anyio.CapacityLimiter(_STARTS_AT_ONCE)
        self._lock: int | None = None

    async def __aenter__(self) -> Self:
        """Join the spawner, or start it.

        Raises:
            ExecutorBusyError: another agent uses the directory.
            SpawnerUnavailableError: none answers, and none can be started.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._directory / CONTROL).mkdir(mode=0o700, exist_ok=True)
        self._lock = await self._take_directory()
        try:
            await self._link.open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with anyio.move_on_after(_STOP_SECONDS, shield=True):
            await self._close()

    async def start(self, launch: Launch) -> None:
        """Start an attempt; one that is already held is left as it is."""
        key = _key(launch.job_id, launch.attempt)
        started = self._starting.setdefault(key, anyio.Event())
        try:
            async with self._starts:
                reply = await self._link.ask({"start": self._order(key, launch)})
        finally:
            started.set()
            self._starting.pop(key, None)
        if "failure" in reply:
            await self.forget(launch.job_id, launch.attempt)
            raise SpawnFailedError(argv=launch.argv, why=str(reply["failure"]))

    async def wait(self, job_id: str, attempt: int) -> Outcome:
        """Return how an attempt ended, once it has."""
        key = _key(job_id, attempt)
        await self._settled(key)
        await self._ended(key)
        found = await anyio.to_thread.run_sync(self._control.outcome, key)
        if found is not None:
            return msgspec.json.decode(found, type=Outcome)
        await self._kill_orphans(key)
        return Outcome(job_id=job_id, attempt=attempt, failure="lost")

    async def stop(self, job_id: str, attempt: int) -> None:
        """Ask an attempt to end, and make it after its grace."""
        key = _key(job_id, attempt)
        await self._settled(key)
        await anyio.to_thread.run_sync(self._control.stop, key)

    async def held(self) -> list[tuple[str, int]]:
        """Return the attempts that run, or whose outcome is not yet forgotten."""
        keys = await anyio.to_thread.run_sync(self._control.held)
        return [_attempt(key) for key in keys]

    async def forget(self, job_id: str, attempt: int) -> None:
        """Drop what is kept about an attempt that has ended and was reported."""
        key = _key(job_id, attempt)
        await anyio.to_thread.run_sync(self._control.forget, key)

    async def _settled(self, key: str) -> None:
        """Return when no start of this attempt is under way."""
        if starting := self._starting.get(key):
            await starting.wait()

    async def _ended(self, key: str) -> None:
        """Return when nobody supervises this attempt any more."""
        supervisor = await anyio.to_thread.run_sync(self._control.supervisor, key)
        if supervisor is None:
            return
        try:
            await anyio.wait_readable(supervisor)
        finally:
            os.close(supervisor)

    async def _kill_orphans(self, key: str) -> None:
        """Kill what a lost attempt may have left; the spawner kills what it inherits."""
        tags = await anyio.to_thread.run_sync(self._control.tags, key)
        with anyio.move_on_after(_ORPHAN_SECONDS):
            while True:
                # Look again: one that was forked while we looked.
                if not await anyio.to_thread.run_sync(kill_tagged, tags):
                    return
                await anyio.sleep(_ORPHAN_PAUSE_SECONDS)

    def _order(self, key: str, launch: Launch) -> Order:
        directory = str(launch.directory.absolute())
        return Order(
            key=key,
            job_id=launch.job_id,
            attempt=launch.attempt,
            directory=directory,
            environment=launch.environment,
            argv=list(launch.argv),
            stdout=str(launch.stdout.absolute()),
            stderr=str(launch.stderr.absolute()),
            grace_seconds=launch.grace_seconds,
            kill_seconds=self._kill_seconds,
            tags=[
                f"{name}={value}"
                for name, value in launch.environment.items()
                # A person's shell that visits the directory has it in PWD.
                if directory in value and "PWD" not in name
            ],
        )

    async def _take_directory(self) -> int:
        with anyio.move_on_after(_BUSY_SECONDS):
            while True:
                lock = try_lock(self._directory / "agent.lock")
                if lock is not None:
                    return lock
                await anyio.sleep(_BUSY_PAUSE_SECONDS)
        raise ExecutorBusyError(directory=str(self._directory))

    async def _close(self) -> None:
        try:
            await self._link.leave()
            if self._stop_with_agent:
                await self._stop_everything()
        finally:
            self._link.close()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    async def _stop_everything(self) -> None:
        keys = await anyio.to_thread.run_sync(self._control.held)
        for key in keys:  # the spawner does so too, if it lives
            await anyio.to_thread.run_sync(self._control.stop, key)
        for key in keys:
            await self._ended(key)
        await self._link.spawner_ended()


def _key(job_id: str, attempt: int) -> str:
    return f"{quote(job_id, safe='')}.{attempt}"


def _attempt(key: str) -> tuple[str, int]:
    quoted, _, attempt = key.rpartition(".")
    return unquote(quoted), int(attempt)
