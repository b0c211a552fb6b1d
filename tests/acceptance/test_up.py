"""`up`: a laptop's whole site, and what can be done beside and after it."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.acceptance.processes import Command, Started, processes_about, started, until


@pytest.fixture
def run(tmp_path: Path) -> Command:
    return Command({"PATH": os.defpath, "HOME": str(tmp_path)}, cwd=tmp_path)


def ready(up: Started, run: Command) -> Command:
    """Return the command line for a site that is ready."""
    url = str(json.loads(up.read_until("url"))["url"])
    return Command({**run.environment, "JOB_ORCHESTRATOR_URL": url}, cwd=run.cwd)


def test_up_runs_jobs_stops_cleanly_and_goes_on_where_it_was(
    tmp_path: Path, run: Command
) -> None:
    data = str(tmp_path / "data")
    options = ["up", "--port", "0", "--data", data, "--json"]
    (tmp_path / "run.sh").write_text("echo hello\n")

    with started(*options, environment=run.environment) as up:
        command = ready(up, run)
        done = command("submit", "run.sh", "--service", "default", "--wait")
        assert done.returncode == 0, done.stderr
        beside = command("log", "tail", "--data", data, "--no-follow")
        assert "completed" in beside.stdout
        assert unread("log", "tail", "--data", data, run=command) == (1, "")
        before = command("jobs", "--json").stdout

        up.send(signal.SIGINT)
        code, errors = up.end()

    assert code == 130
    assert "Traceback" not in errors
    until(lambda: not processes_about(data))

    rebuilt = run("rebuild", "--data", data, "--json")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["events"] > 0

    with started(*options, environment=run.environment) as up:
        assert ready(up, run)("jobs", "--json").stdout == before

        up.send(signal.SIGTERM)
        assert up.end()[0] == 0
    until(lambda: not processes_about(data))


def test_a_second_up_in_a_directory_and_a_rebuild_beside_one_are_refused(
    tmp_path: Path, run: Command
) -> None:
    data = str(tmp_path / "data")
    options = ["up", "--port", "0", "--data", data]
    with started(*options, "--json", environment=run.environment) as up:
        ready(up, run)

        second = run(*options)
        rebuilding = run("rebuild", "--data", data)

    for refused in (second, rebuilding):
        assert refused.returncode == 1
        assert refused.stderr.startswith("error: ")
        assert refused.stderr.count("\n") == 1, refused.stderr


def test_a_job_that_runs_when_up_is_killed_is_stopped_too(
    tmp_path: Path, run: Command
) -> None:
    data = str(tmp_path / "data")
    (tmp_path / "run.sh").write_text("sleep 300\n")
    options = ["up", "--port", "0", "--data", data, "--json"]
    with started(*options, environment=run.environment) as up:
        command = ready(up, run)
        command("submit", "run.sh", "--service", "default")
        until(lambda: any("sleep 300" in one for one in processes_about(data)))

        up.send(signal.SIGKILL)

        until(lambda: not processes_about(data))


def test_waiting_for_a_job_survives_a_crash_of_the_site(
    tmp_path: Path, run: Command
) -> None:
    data = str(tmp_path / "data")
    (tmp_path / "run.sh").write_text("sleep 300\n")
    options = ["up", "--port", free_port(), "--data", data, "--json"]
    with started(*options, environment=run.environment) as up:
        command = ready(up, run)
        number = command("submit", "run.sh", "--service", "default").stdout.split()[1]
        with started("wait", number, environment=command.environment) as waiting:
            waiting.read_error_until("running")

            up.send(signal.SIGKILL)
            with started(*options, environment=run.environment) as again:
                command = ready(again, run)
                waiting.read_error_until("attempt 1 was lost")
                assert command("cancel", number).returncode == 0

                code, errors = waiting.end()
    assert code == 1
    assert errors.endswith(f"error: job {number} was cancelled\n")


def unread(*arguments: str, run: Command) -> tuple[int, str]:
    """Return how a command ends whose reader is gone when it writes."""
    with started(*arguments, environment=run.environment) as running:
        assert running.process.stdout is not None
        running.process.stdout.close()
        running.process.stdout = None
        assert running.process.stderr is not None
        return running.process.wait(30), running.process.stderr.read()


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])
