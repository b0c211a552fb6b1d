"""A whole installation of real processes for a benchmark, and what they cost."""

import os
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.acceptance.site import Site, eventually

SERVICE = """
[services.bench]
runs_per_user = 100000
max_runs = 100000
"""
_JOIN_SECONDS = 20
_TICKS = os.sysconf("SC_CLK_TCK")
_USER_CPU, _SYSTEM_CPU, _CHILDREN_USER, _CHILDREN_SYSTEM = 11, 12, 13, 14


class Installation(Site):
    """A site whose processes can be looked at."""

    def until_client_joined(self) -> None:
        """Return once the server knows a client."""
        eventually(self._has_client, _JOIN_SECONDS, "a client has joined")

    def _has_client(self) -> bool:
        clients: list[dict[str, Any]] = self.get("/clients")["clients"]
        return any(client["name"] != "benchmark" for client in clients)

    def cpu(self, client: str) -> Mapping[str, float]:
        """Return the CPU seconds so far, by what a process is."""
        spawner = spawner_of(self.directory / client)
        spent = {
            "nats-server": cpu_seconds(self.nats.pid)[0],
            "server": cpu_seconds(self.server_pid)[0],
            "client": cpu_seconds(self.client_pid(client))[0],
        }
        if spawner is not None:
            spent["spawner"], spent["supervisors and jobs"] = cpu_seconds(spawner)
        return spent


@contextmanager
def installed(services: str = SERVICE, **settings: str) -> Generator[Installation]:
    """Return a context with nats-server and, once started, server and clients.

    All of it is gone afterwards, processes and files.
    """
    with TemporaryDirectory(prefix="benchmark-") as directory:
        one = Installation(Path(directory), services)
        if settings:
            lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
            text = one.config.read_text()
            one.config.write_text(text.replace("[server]\n", f"[server]\n{lines}"))
        try:
            yield one
        finally:
            one.stop()
            stop_spawners(one.directory)


def stop_spawners(directory: Path) -> None:
    """End the spawners of clients that were stopped: else they wait for the next one."""
    for client in directory.iterdir():
        spawner = spawner_of(client)
        if spawner is not None:
            os.kill(spawner, signal.SIGKILL)


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return the CPU time of a process, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = [int(fields[index]) for index in range(_USER_CPU, _CHILDREN_SYSTEM + 1)]
    own, children = ticks[0] + ticks[1], ticks[2] + ticks[3]
    return own / _TICKS, children / _TICKS


def memory_bytes(pid: int, what: str = "VmRSS") -> int:
    """Return the resident memory of a process; `VmHWM` for the most it ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(what)


def spawner_of(client_directory: Path) -> int | None:
    """Return the spawner that serves a client, if it was started yet."""
    served = client_directory / "executor"
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_one = (path / "comm").read_text().strip() == "job-spawner"
            if is_one and (path / "cwd").resolve() == served.resolve():
                return int(path.name)
        except OSError:
            continue
    return None
