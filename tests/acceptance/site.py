"""A site for tests: nats-server, server and two clients, each a process of its own."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from subprocess import CompletedProcess

from tests.acceptance.processes import Started, run, started
from tests.nats_server import NatsServer


class Site:
    """A running site in a directory, and its command line."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.nats = NatsServer(directory / "nats")
        self.config = directory / "settings.toml"
        self.environment = {"PATH": os.defpath, "HOME": str(directory)}
        self.port = 0

    def write_config(self) -> None:
        """Write the settings that server and commands use."""
        self.config.write_text(
            f"[server]\nport = {self.port}\n"
            f"directory = '{self.directory / 'server'}'\n"
            f"[nats]\nurl = '{self.nats.url}'\n"
            f"monitoring_urls = ['{self.nats.monitoring_url}']\n"
            "[client]\nslots = 2\nheartbeat_seconds = 0.5\n"
            "[services.contacts]\nruns_per_user = 2\nmax_runs = 3\n"
        )

    @contextlib.contextmanager
    def server(self) -> Generator[Started]:
        """Return a context with the server, ready; on the same port as before."""
        self.write_config()
        with self.start("server") as server:
            url = server.read_until("ready at").split()[-1]
            self.port = int(url.rpartition(":")[2])
            self.environment["JOB_ORCHESTRATOR_URL"] = url
            yield server

    @contextlib.contextmanager
    def client(self, name: str) -> Generator[Started]:
        """Return a context with a client, taken in."""
        url = self.environment["JOB_ORCHESTRATOR_URL"]
        directory = str(self.directory / name)
        options = ["--name", name, "--directory", directory, "--server", url]
        with self.start("client", *options) as client:
            client.read_until("is ready")
            yield client

    def start(self, *arguments: str) -> contextlib.AbstractContextManager[Started]:
        """Return a context with a command that uses the settings file."""
        config = ("--config", str(self.config))
        return started(*arguments, *config, environment=self.environment)

    def start_plain(
        self, *arguments: str
    ) -> contextlib.AbstractContextManager[Started]:
        """Return a context with a command that needs no settings file."""
        return started(*arguments, environment=self.environment)

    def run(self, *arguments: str) -> CompletedProcess[str]:
        """Return how a command ended."""
        return run(*arguments, environment=self.environment, cwd=self.directory)

    def script(self, name: str, text: str) -> str:
        """Return the path of a `run.sh` in a directory of its own."""
        directory = self.directory / "scripts" / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "run.sh").write_text(text)
        return str(directory / "run.sh")


@contextlib.contextmanager
def running_site(directory: Path) -> Generator[Site]:
    """Return a context with a site of two clients."""
    site = Site(directory)
    site.nats.start()
    try:
        with site.server(), site.client("one"), site.client("two"):
            yield site
    finally:
        site.nats.stop()
