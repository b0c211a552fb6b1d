import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.file_lock import try_lock


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    assert try_lock(tmp_path / "lock") is None
    os.close(lock)
    again = try_lock(tmp_path / "lock")
    assert again is not None
    os.close(again)


HOLDING = """
import sys
from pathlib import Path
from orchestrator.file_lock import try_lock

assert try_lock(Path(sys.argv[1])) is not None
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert try_lock(path) is None
        process.kill()
    lock = try_lock(path)
    assert lock is not None
    os.close(lock)


def test_nobody_else_may_open_a_lock(tmp_path: Path) -> None:
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    os.close(lock)
    assert (tmp_path / "lock").stat().st_mode & 0o077 == 0


def test_a_lock_in_no_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        try_lock(tmp_path / "missing" / "lock")
