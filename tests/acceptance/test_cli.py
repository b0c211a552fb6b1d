"""The command line against a server and two clients, each a process of its own."""

import json
import os
import shutil
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest

from orchestrator.cli.demo_job import CONTACTS, RUN
from tests.acceptance.processes import Command, started
from tests.acceptance.site import Site

DATA = Path(__file__).parents[1] / "data"


SERVICES = """
[services.contacts]
runs_per_user = 2
max_runs = 3
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    site = Site(tmp_path_factory.mktemp("site"), SERVICES)
    try:
        site.start_server()
        site.start_client("one")
        site.start_client("two")
        yield site
    finally:
        site.stop()


@pytest.fixture
def run(site: Site, tmp_path: Path) -> Command:
    environment = {"PATH": os.defpath, "JOB_ORCHESTRATOR_URL": site.url}
    return Command(environment, cwd=tmp_path)


def submit(run: Command, *arguments: str) -> str:
    """Return the number of a job that was handed in."""
    done = run("submit", *arguments, "--service", "contacts", "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["number"])


def script(run: Command, text: str) -> str:
    """Return the path of a `run.sh`."""
    path = run.cwd / "run.sh"
    path.write_text(text)
    return str(path)


def contact_files(directory: Path) -> list[str]:
    """Return a job over two real protein chains."""
    directory.mkdir()
    (directory / "run.sh").write_text(RUN)
    (directory / "contacts.awk").write_text(CONTACTS)
    shutil.copy(DATA / "2oob_A.pdb", directory / "chain_a.pdb")
    shutil.copy(DATA / "2oob_B.pdb", directory / "chain_b.pdb")
    return [str(path) for path in sorted(directory.iterdir())]


def test_a_job_goes_from_submission_to_verified_results(
    run: Command, tmp_path: Path
) -> None:
    files = contact_files(tmp_path / "inputs")

    done = run("submit", *files, "--service", "contacts", "--user", "7", "--wait")

    assert done.returncode == 0, done.stderr
    number = done.stdout.split()[1]
    for word in ("queued", "assigned", "running", "completed"):
        assert f"  {word} " in done.stderr

    fetched = run("results", number, "-o", str(tmp_path), "--verify")

    assert fetched.returncode == 0, fetched.stderr
    with zipfile.ZipFile(tmp_path / f"{number}.zip") as results:
        said = results.read("stdout").decode()
    assert said == "222 atom pairs, 28 residue pairs\n"


def test_a_job_is_found_by_number_and_by_id(run: Command) -> None:
    number = submit(run, script(run, "true\n"), "--label", "tagged")

    by_number = json.loads(run("status", number, "--json").stdout)
    by_id = json.loads(run("status", by_number["job_id"], "--json").stdout)

    assert by_id["number"] == int(number)
    assert by_id["labels"] == ["tagged"]
    assert "tagged" in run("status", number).stdout


def test_waiting_for_a_job_that_failed_says_why_and_exits_1(run: Command) -> None:
    number = submit(run, script(run, "exit 3\n"))

    done = run("wait", number, "--json")

    assert done.returncode == 1
    assert done.stderr.endswith(f"error: job {number} failed: exit code 3\n")
    assert json.loads(done.stdout)["exit_code"] == 3


def test_a_job_killed_by_a_signal_says_which(run: Command) -> None:
    number = submit(run, script(run, "kill -9 $$\n"))

    done = run("wait", number)

    assert "failed: killed by signal 9 (SIGKILL)" in done.stderr


def test_a_job_without_a_script_is_told_at_once(run: Command, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")

    done = run("submit", str(tmp_path / "data"), "--service", "contacts", "--wait")

    assert done.returncode == 1
    assert "is invalid: there is no run.sh among its files" in done.stderr


def test_a_running_job_is_cancelled(run: Command) -> None:
    number = submit(run, script(run, "sleep 60\n"))
    with started("wait", number, environment=run.environment) as waiting:
        waiting.read_error_until("running")

        done = run("cancel", number)

        code, errors = waiting.end()
    assert done.returncode == 0, done.stderr
    assert code == 1
    assert errors.endswith(f"error: job {number} was cancelled\n")
    assert "has already ended" in run("cancel", number).stderr


def test_lists_are_filtered_and_newest_first(run: Command) -> None:
    path = script(run, "true\n")
    numbers = [int(submit(run, path, "--user", "lister")) for _ in range(2)]

    done = run("jobs", "--user", "lister", "--limit", "5", "--json")

    listed = [json.loads(line)["number"] for line in done.stdout.splitlines()]
    assert listed == numbers[::-1]
    table = run("jobs", "--user", "lister").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["number", *map(str, listed)]


def test_limits_are_changed_and_listed(run: Command) -> None:
    limits = ["--runs-per-user", "4", "--max-runs", "6"]

    done = run("services", "set", "prodigy", *limits)

    assert done.returncode == 0, done.stderr
    listed = [json.loads(line) for line in run("services", "--json").stdout.split()]
    found = {service["name"]: service for service in listed}
    assert found["prodigy"]["max_runs"] == 6
    assert found["contacts"]["runs_per_user"] == 2


def test_clients_are_listed_by_name(run: Command) -> None:
    done = run("clients", "--json")

    found = {client["name"]: client for client in map(json.loads, done.stdout.split())}
    assert {name: found[name]["slots"] for name in found} == {"one": 2, "two": 2}


def test_the_log_shows_every_event_of_a_job_as_readable_json(
    site: Site, run: Command
) -> None:
    number = submit(run, script(run, "true\n"))
    job_id = json.loads(run("status", number, "--json").stdout)["job_id"]
    assert run("wait", number).returncode == 0

    options = ["--after", "0", "--no-follow", "--config", str(site.config), "--json"]
    done = run("log", "tail", *options)

    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert [entry["position"] for entry in entries] == [*range(1, len(entries) + 1)]
    events = [entry["recorded"]["event"] for entry in entries]
    assert [event["type"] for event in events if event.get("job_id") == job_id] == [
        "job.submitted",
        "job.assigned",
        "job.started",
        "job.completed",
    ]


def test_a_server_that_is_ready_says_so(run: Command) -> None:
    done = run("status")

    assert done.returncode == 0
    assert "leading" in done.stdout
    assert "verified" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "4000000"], "job 4000000 not found"),
        (["wait", "4000000"], "job 4000000 not found"),
        (["results", "nobody"], "job nobody not found"),
        (["submit", "absent", "--service", "contacts"], "absent: No such file"),
        (["submit", ".", "--service", "contacts"], ".: a directory: name the files"),
        (["submit", "a", "a", "--service", "contacts"], "another file of this name"),
        (["submit", "a", "--service", "nope"], "unknown service 'nope'; known"),
        (
            ["services", "set", "a b", "--runs-per-user", "1", "--max-runs", "1"],
            "name: needs",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(
    run: Command, arguments: list[str], said: str
) -> None:
    (run.cwd / "a").write_text("x")

    done = run(*arguments)

    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_wrong_usage_is_one_line_and_exit_code_2(run: Command) -> None:
    done = run("submit", "a", "--sevice", "contacts")

    assert done.returncode == 2
    assert done.stderr.startswith("error: No such option '--sevice'")
    assert done.stderr.count("\n") == 1
