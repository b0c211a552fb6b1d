"""A whole site for acceptance tests: nats-server, server and clients as processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx

from orchestrator import codec
from orchestrator.domain.events import Event, Recorded
from orchestrator.event_log.jetstream import open_jetstream
from tests.nats_server import NatsServer

COMMAND = str(Path(sys.executable).with_name("job-orchestrator"))
_READY_SECONDS = 20
_STOP_SECONDS = 15
_LOOK_AGAIN_SECONDS = 0.05


def eventually(is_so: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as something is so; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(_LOOK_AGAIN_SECONDS)


class Site:
    """Processes in one directory; `stop` ends them all."""

    def __init__(self, directory: Path, services: str) -> None:
        self.directory = directory
        self.nats = NatsServer(directory / "nats")
        self.nats.start()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = directory / "data"
        self.config = directory / "site.toml"
        self.config.write_text(
            f"""
            [server]
            port = {self.port}
            directory = {json.dumps(str(self.data))}
            [nats]
            url = "{self.nats.url}"
            monitoring_urls = ["{self.nats.monitoring_url}"]
            [client]
            server = "{self.url}"
            {services}
            """,
        )
        self._server: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, subprocess.Popen[bytes]] = {}

    def start_server(self) -> None:
        """Start the server and return when it is ready for jobs."""
        self._server = self._start("server", "server")
        eventually(self._is_ready, _READY_SECONDS, self._tail("server"))

    def start_client(self, name: str, slots: int = 2) -> None:
        """Start a client with a directory of its own."""
        directory = str(self.directory / name)
        options = ("--directory", directory, "--name", name, "--slots", str(slots))
        self._clients[name] = self._start(name, "client", *options)

    @property
    def server_pid(self) -> int:
        """Return the process id of the running server."""
        assert self._server is not None
        return self._server.pid

    def client_pid(self, name: str) -> int:
        """Return the process id of a running client."""
        return self._clients[name].pid

    def kill_server(self) -> None:
        """End the server as a crash would."""
        assert self._server is not None
        self._server.kill()
        self._server.wait()

    def stop_server(self) -> int:
        """End the server as an operator would; return its exit code."""
        assert self._server is not None
        code = _end(self._server)
        self._server = None
        return code

    def stop_clients(self) -> None:
        """End all clients as an operator would."""
        for client in self._clients.values():
            _end(client)
        self._clients.clear()

    def stop(self) -> None:
        """End everything, clients first."""
        self.stop_clients()
        if self._server is not None:
            _end(self._server)
        self.nats.stop()

    def cli(self, *arguments: str, code: int = 0) -> str:
        """Return what a command prints; it is expected to end with this code."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self._environment() | {"JOB_ORCHESTRATOR_URL": self.url},
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def get(self, path: str) -> Any:
        """Return the JSON of a page."""
        answer = httpx.get(f"{self.url}{path}", trust_env=False, timeout=20)
        assert answer.is_success, answer.text
        return answer.json()

    def log(self) -> list[tuple[int, Recorded[Event]]]:
        """Return the whole event log, read from NATS."""
        return anyio.run(_read_log, self.nats.url)

    def _start(self, log: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{log}.log").open("ab") as output:
            return subprocess.Popen(
                [COMMAND, *arguments, "--config", str(self.config)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.directory)}

    def _is_ready(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, self._tail("server")
        try:
            answer = httpx.get(f"{self.url}/ready", trust_env=False)
        except httpx.TransportError:
            return False
        return answer.is_success and answer.json().get("role") == "leading"

    def _tail(self, log: str) -> str:
        return (self.directory / f"{log}.log").read_text()[-3_000:]


def _end(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(_STOP_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _read_log(url: str) -> list[tuple[int, Recorded[Event]]]:
    found: list[tuple[int, Recorded[Event]]] = []
    async with open_jetstream(url) as log:
        end = (await log.end()).position
        async for batch in log.follow(0):
            for message in batch:
                recorded = codec.decode(message.data, position=message.position)
                found.append((message.position, recorded))
            if found[-1][0] >= end:
                break
    return found
