"""The file store in a directory: its disk, its crashes, its reserve."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import DataDirectoryError, StorageFullError
from orchestrator.files.store import LocalFileStore
from tests.contract.stored_files import KEY, chunks, contents, files_in, stored


async def test_files_survive_the_store_that_wrote_them(tmp_path: Path) -> None:
    first = LocalFileStore(tmp_path)
    await stored(first, KEY, b"kept")
    first.close()

    second = LocalFileStore(tmp_path)

    assert await contents(second, KEY) == b"kept"
    second.close()


async def test_below_the_reserve_the_store_is_full(tmp_path: Path) -> None:
    store = LocalFileStore(tmp_path, reserve_bytes=1 << 60)

    with pytest.raises(StorageFullError, match="no space is left"):
        await store.stage(chunks(b"x"))

    assert await store.free_bytes() == 0
    assert files_in(tmp_path) == []
    store.close()


async def test_free_bytes_are_those_of_the_disk_without_the_reserve(
    tmp_path: Path,
) -> None:
    with_reserve = LocalFileStore(tmp_path, reserve_bytes=1 << 30)
    without = LocalFileStore(tmp_path, reserve_bytes=0)

    difference = await without.free_bytes() - await with_reserve.free_bytes()

    assert abs(difference - (1 << 30)) < 1 << 28  # others write meanwhile
    with_reserve.close()
    without.close()


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nothing"])
def test_a_directory_that_cannot_be_used_is_one_error_that_names_it(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(DataDirectoryError, match=f"{tmp_path / place}.*owner and mode"):
        LocalFileStore(tmp_path / place)


CRASHING = """
import anyio, sys
from pathlib import Path
from orchestrator.files.store import LocalFileStore

async def stalled():
    yield b"x" * 1_000_000
    print("staged", flush=True)
    await anyio.sleep_forever()

async def main():
    await LocalFileStore(Path(sys.argv[1])).stage(stalled())

anyio.run(main)
"""


def test_what_a_killed_process_left_goes_at_the_next_opening(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING, tmp_path], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"staged\n"
        # While it lives, what it stages is its own.
        LocalFileStore(tmp_path).close()
        assert len(files_in(tmp_path)) == 1
        process.send_signal(signal.SIGKILL)

    LocalFileStore(tmp_path).close()

    assert files_in(tmp_path) == []


FILLING = """
import anyio, json, os, subprocess, sys
from pathlib import Path
from orchestrator.errors import StorageFullError
from orchestrator.files.store import LocalFileStore

async def endless():
    while True:
        yield b"x" * 300_000

async def main():
    directory = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", directory], check=True)
    store = LocalFileStore(directory, reserve_bytes=-(1 << 40))  # the disk says it, not we
    try:
        await store.stage(endless())
    except StorageFullError as error:
        left = [p.name for p in directory.rglob("*") if p.is_file()]
        print(json.dumps([str(error), left]))

anyio.run(main)
"""


def can_mount() -> bool:
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def test_a_disk_that_runs_full_is_a_clear_error_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    if not can_mount():
        pytest.skip("no user namespaces here")
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", FILLING, tmp_path],
        check=True,
        capture_output=True,
    )

    message, left = json.loads(done.stdout)

    assert message == f"no space is left for files in {tmp_path}"
    assert left == []
