"""A site with two servers on one log: own ports and read models, files in common."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, override

import httpx

from tests.acceptance.site import Site, eventually, free_port

SERVICES = """
[services.echo]
runs_per_user = 4
max_runs = 8
"""
_SECONDS = 30.0


class Server:
    """One of the two, by HTTP and by signal."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=_SECONDS)
        self._process = process
        self._log = log

    def ready(self) -> dict[str, Any]:
        """Return what it says of itself; nothing while it does not answer."""
        try:
            answer = self.http.get("/ready")
        except httpx.TransportError:
            return {}
        body: dict[str, Any] = answer.json()
        return body

    def until(self, role: str, seconds: float = _SECONDS) -> None:
        """Return once it is ready in this role."""

        def is_so() -> bool:
            assert self._process.poll() is None, self._log.read_text()[-3_000:]
            body = self.ready()
            return body.get("status") == "ready" and body["role"] == role

        eventually(is_so, seconds, f"{role}: {self.ready()}")

    def submit(self, script: str = "echo hello", **headers: str) -> dict[str, Any]:
        """Return the answer to a submission."""
        answer = self.http.post(
            "/jobs",
            data={"job": json.dumps({"service": "echo", "user": "ada"})},
            files={"run.sh": ("run.sh", script.encode())},
            headers=headers,
        )
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return answer.json()

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job as this server shows it."""
        answer = self.http.get(f"/jobs/{job_id}")
        assert answer.is_success, answer.text
        assert answer.headers["Log-Age"] == "0"
        return answer.json()

    def until_job(self, job_id: str, state: str, seconds: float = _SECONDS) -> None:
        """Return once a job is in a state."""
        what = f"job {job_id} {state}"
        eventually(lambda: self.job(job_id)["state"] == state, seconds, what)

    def events(self, job_id: str) -> list[str]:
        """Return the types of a job's events, followed up to its end."""
        accept = {"Accept": "text/event-stream"}
        with self.http.stream("GET", f"/jobs/{job_id}/events", headers=accept) as sent:
            lines = [line for line in sent.iter_lines() if line.startswith("event:")]
        return [line.removeprefix("event:").strip() for line in lines]

    def kill(self) -> None:
        """End it as a crash would."""
        self.http.close()
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Freeze it: its connections stay, it does nothing."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        """End it as an operator would, frozen or not."""
        self.http.close()
        if self._process.poll() is None:
            self.resume()
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_SECONDS)


class Pair(Site):
    """The first server leads, the second stands by and has the client's files."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, SERVICES)
        self._second_port = free_port()
        self._servers: dict[str, Server] = {}

    @property
    def first(self) -> Server:
        """The one that led first."""
        return self._servers["first"]

    @property
    def second(self) -> Server:
        """The other one."""
        return self._servers["second"]

    def start(self) -> None:
        """Start both and a client, and return when they are ready."""
        self.start_first()
        self._start_server("second", self._second_port).until("standing_by")
        self.start_client("client", slots=4)

    def start_first(self) -> None:
        """Start the first server, also again; it leads when it is alone."""
        server = self._start_server("first", self.port)
        server.until("standing_by" if "second" in self._servers else "leading")

    def _start_server(self, name: str, port: int) -> Server:
        options = ("--port", str(port), "--directory", str(self.directory / name))
        process = self._start(name, "server", *options)
        url = f"http://127.0.0.1:{port}"
        server = Server(url, process, self.directory / f"{name}.log")
        self._servers[name] = server
        return server

    @override
    def stop(self) -> None:
        self.stop_clients()
        for server in self._servers.values():
            server.end()
        super().stop()

    @override
    def _environment(self) -> dict[str, str]:
        return {
            **super()._environment(),
            "JOB_ORCHESTRATOR_SERVER_FILES_DIRECTORY": str(self.directory / "shared"),
            "JOB_ORCHESTRATOR_CLIENT_SERVER": f"http://127.0.0.1:{self._second_port}",
        }
