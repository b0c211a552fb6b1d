"""Spawns `bash run.sh` so many times, so many in flight; prints the seconds it took.

A process of its own, so that only its own children are waited for, and it is small.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

_SCRIPT = "echo done\n"


def main(count: int, in_flight: int) -> None:
    """Spawn, wait, and print."""
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        Path("run.sh").write_text(_SCRIPT, encoding="ascii")
        began = time.monotonic()
        for started in range(count):
            if started >= in_flight:
                os.wait()
            _spawn()
        for _ in range(min(count, in_flight)):
            os.wait()
        print(time.monotonic() - began)


def _spawn() -> None:
    to_file = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    os.posix_spawn(
        "/bin/bash",
        ["bash", "run.sh"],
        {"PATH": os.defpath},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, "stdout", to_file, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, "stderr", to_file, 0o600),
        ],
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
