"""Baselines: the same work by the bare means that ours is built on."""

import subprocess
import sys
from pathlib import Path

_SPAWNING = Path(__file__).with_name("bare_spawning.py")


def bare_spawns(count: int, in_flight: int) -> float:
    """Return how many times a second `bash run.sh` can be spawned and waited for."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", _SPAWNING, str(count), str(in_flight)],
        capture_output=True,
        text=True,
        check=True,
    )
    return count / float(done.stdout)
