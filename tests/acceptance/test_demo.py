import json
import os
import signal
from pathlib import Path

import pytest

from tests.acceptance.processes import Command, processes_about, started, until


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    # All that the demo makes is in here, and named after it.
    return {"PATH": os.defpath, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}


def nothing_is_left(tmp_path: Path) -> bool:
    return not processes_about(str(tmp_path)) and not list(tmp_path.iterdir())


def test_the_demo_runs_a_real_job_shows_it_and_cleans_up(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    done = Command(environment, cwd=tmp_path)("demo")

    assert (done.returncode, done.stderr) == (0, "")
    assert "44 atom pairs, 9 residue pairs closer than 5 Å" in done.stdout
    assert "7 files match the manifest" in done.stdout
    assert nothing_is_left(tmp_path)


def test_the_demo_shows_every_state_in_order(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    done = Command(environment, cwd=tmp_path)("demo", "--json")

    said = done.stderr
    states = ("queued ", "assigned ", "running ", "completed ")
    assert sorted(states, key=said.index) == list(states)
    result = json.loads(done.stdout)
    assert sum(int(row["atom_pairs"]) for row in result["contacts"]) == 44
    assert result["files"] == 7


@pytest.mark.parametrize("moment", ["Starting", "are ready", "Submitting", "running"])
def test_a_ctrl_c_at_any_moment_leaves_nothing_behind(
    tmp_path: Path, environment: dict[str, str], moment: str
) -> None:
    with started("demo", environment=environment) as demo:
        demo.read_until(moment)

        demo.send(signal.SIGINT)
        code, errors = demo.end()

        assert (code, errors) == (130, "")
        assert nothing_is_left(tmp_path)


def test_a_ctrl_c_while_it_loads_is_quiet_too(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with started("demo", environment=environment) as demo:
        maps = Path(f"/proc/{demo.process.pid}/maps")
        until(lambda: "msgspec/_core" in maps.read_text())

        demo.send(signal.SIGINT)
        code, errors = demo.end()

        assert (code, errors) == (130, "")
        assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("moment", ["Starting", "are ready", "running"])
def test_a_killed_demo_leaves_nothing_behind(
    tmp_path: Path, environment: dict[str, str], moment: str
) -> None:
    with started("demo", environment=environment) as demo:
        demo.read_until(moment)

        demo.send(signal.SIGKILL)
        demo.end()

        until(lambda: nothing_is_left(tmp_path))


def test_two_ctrl_c_end_it_at_once(tmp_path: Path, environment: dict[str, str]) -> None:
    with started("demo", environment=environment) as demo:
        demo.read_until("running")

        demo.send(signal.SIGINT)
        demo.send(signal.SIGINT)
        code, errors = demo.end()

        assert (code, errors) == (130, "")
        until(lambda: nothing_is_left(tmp_path))
