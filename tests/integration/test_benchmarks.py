"""Every benchmark runs, on the smallest scale; nothing is said about its figures."""

import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.acceptance.processes import processes_about, until
from tests.benchmarks.__main__ import NAMES
from tests.benchmarks.figure import Figure

ROOT = Path(__file__).parents[2]
_SMALLEST = ("--json", "--repeats", "1", "--scale", "0.0001")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_prints_one_figure_a_line(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", name, *_SMALLEST],
        cwd=ROOT,
        # So that what it leaves behind is seen.
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    decode = msgspec.json.Decoder(Figure, strict=True).decode
    figures = [decode(line) for line in done.stdout.splitlines()]
    assert figures
    for figure in figures:
        assert figure.name.startswith(f"{name}.")
        assert figure.unit
        assert (figure.ratio is None) == (figure.baseline is None)
        assert figure.low <= figure.value <= figure.high
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_benchmark_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks", "throughput"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        until(lambda: list(tmp_path.glob("*/client/executor/spawner.sock")) != [])
        running.send_signal(signal.SIGTERM)
        running.wait(30)
    assert list(tmp_path.iterdir()) == []
    until(lambda: processes_about(str(tmp_path)) == [])
