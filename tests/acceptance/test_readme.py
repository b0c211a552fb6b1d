"""The README's commands do what it says, run as they stand there (with `curl`)."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.processes import processes_about, until

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:5000"
SECONDS = 30


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def block_with(command: str) -> str:
    (found,) = [block for block in blocks() if command in block]
    return found


class Terminals:
    """Runs blocks of the README in one directory, as a reader would in a terminal.

    Three things differ: the port is a free one, uv neither syncs nor looks for the
    project in the directory, and what a block runs is named after that directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"

    def run(self, block: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", self._script(block)],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def start(self, block: str, output: Path) -> subprocess.Popen[bytes]:
        with output.open("wb") as file:
            return subprocess.Popen(
                ["bash", "-euc", self._script(block)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def _script(self, block: str) -> str:
        _, _, port = self.address.rpartition(":")
        return f"""
            export UV_NO_SYNC=1 UV_PROJECT={ROOT} UV_PROJECT_ENVIRONMENT={sys.prefix}
            export JOB_ORCHESTRATOR_SERVER_PORT={port} TMPDIR={self.directory}
            export JOB_ORCHESTRATOR_URL=http://{self.address} NO_PROXY="*"
            uv() {{ command "${{UV:-uv}}" "$@"; }}
            {block.replace(ADDRESS, self.address)}
        """


@pytest.fixture
def terminals(tmp_path: Path) -> Terminals:
    return Terminals(tmp_path)


@contextlib.contextmanager
def everything_up(terminals: Terminals) -> Generator[None]:
    """Return a context in which `up` runs; at its end Ctrl-C stops all of it."""
    output = terminals.directory / "up.log"
    up = terminals.start(block_with("job-orchestrator up"), output)
    try:
        ready = f"ready at http://{terminals.address}"
        until(lambda: ready in output.read_text(), SECONDS)
        yield
    finally:
        os.killpg(up.pid, signal.SIGINT)
        up.wait(SECONDS)


def test_the_demo_is_one_command_and_leaves_nothing_behind(
    terminals: Terminals,
) -> None:
    install, _, demo = block_with("job-orchestrator demo").partition(" && ")
    assert install == "pip install uv"

    said = terminals.run(demo)

    assert "files match the manifest" in said
    assert not processes_about(str(terminals.directory))
    assert not list(terminals.directory.glob("job-orchestrator*"))


def test_a_first_job_gives_its_results_by_command_line_and_by_curl(
    terminals: Terminals,
) -> None:
    with everything_up(terminals):
        first = terminals.run(block_with("job-orchestrator submit"))
        second = terminals.run(block_with("curl"))
        questions = terminals.run(block_with("log tail"))
        terminals.run(f"curl --fail --location http://{ADDRESS}/swagger")

    assert "job 1 (" in first
    assert "entries match their checksums" in first
    assert "Job 2 successfully uploaded" in second
    assert "event: job.completed" in second
    for name in ("first.zip", "second.zip"):
        require_sorted_words(terminals.directory / name)
    for what in ("queued", "assigned", "running", "completed"):
        assert questions.count(f"  {what} ") >= 2, questions
    assert not processes_about(str(terminals.directory))


def require_sorted_words(archive: Path) -> None:
    with zipfile.ZipFile(archive) as results:
        assert results.read("sorted.txt") == b"apple\nfig\npear\n"
        assert results.read("stdout") == b"3\n"
        assert results.read("stderr") == b""


def test_the_tests_are_the_other_command() -> None:
    assert block_with("ops/test").split() == ["ops/test"]
    assert os.access(ROOT / "ops" / "test", os.X_OK)
