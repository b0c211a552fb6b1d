"""What every file store promises; run on each adapter."""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from orchestrator.domain.ids import BundleId, JobId
from orchestrator.errors import (
    DataDirectoryError,
    FileMissingError,
    StorageFullError,
)
from orchestrator.files.port import (
    FileStore,
    Staged,
    input_key,
    manifest_key,
    result_key,
)
from orchestrator.files.store import LocalFileStore

KEY = input_key(BundleId("b1"))
BIG = bytes(range(256)) * 4096 * 3 + b"tail"  # three range reads and a bit


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(params=[LocalFileStore])
def store(directory: Path, request: pytest.FixtureRequest) -> Iterator[LocalFileStore]:
    opened = request.param(directory)
    yield opened
    opened.close()


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def contents(
    store: FileStore, key: str, start: int = 0, end: int | None = None
) -> bytes:
    return b"".join([piece async for piece in store.read(key, start=start, end=end)])


async def stored(store: FileStore, key: str, *pieces: bytes) -> Staged:
    staged = await store.stage(chunks(*pieces))
    await store.commit(staged, key)
    return staged


def files_in(directory: Path) -> list[str]:
    return sorted(
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file()
    )


async def test_what_was_staged_and_committed_reads_back(store: FileStore) -> None:
    staged = await stored(store, KEY, BIG[:5], b"", BIG[5:])

    assert await contents(store, KEY) == BIG
    assert staged.size == len(BIG) == await store.size(KEY)
    assert staged.sha256 == hashlib.sha256(BIG).hexdigest()


async def test_an_empty_file_is_a_file(store: FileStore) -> None:
    await stored(store, KEY)

    assert await store.size(KEY) == 0
    assert await contents(store, KEY) == b""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(start=st.integers(0, len(BIG) + 9), end=st.integers(0, len(BIG) + 9))
async def test_a_range_is_the_slice_of_the_whole(
    store: FileStore, start: int, end: int
) -> None:
    if await store.size(KEY) is None:
        await stored(store, KEY, BIG)

    assert await contents(store, KEY, start, end) == BIG[start:end]


async def test_reading_comes_in_pieces_of_a_mebibyte(store: FileStore) -> None:
    await stored(store, KEY, BIG)

    sizes = [len(piece) async for piece in store.read(KEY)]

    assert sizes == [1 << 20, 1 << 20, 1 << 20, 4]


async def test_what_is_not_stored_has_no_size_and_cannot_be_read(
    store: FileStore,
) -> None:
    assert await store.size(KEY) is None
    with pytest.raises(FileMissingError, match=KEY):
        await contents(store, KEY)


async def test_a_file_deleted_while_it_is_read_is_missing_not_cut_short(
    store: FileStore,
) -> None:
    await stored(store, KEY, BIG)
    reading = aiter(store.read(KEY))
    await anext(reading)

    await store.delete(KEY)

    with pytest.raises(FileMissingError):
        await anext(reading)


async def test_deleting_twice_is_no_error(store: FileStore) -> None:
    await stored(store, KEY, b"x")

    await store.delete(KEY)
    await store.delete(KEY)

    assert await store.size(KEY) is None


async def test_a_taken_key_keeps_what_it_has(store: FileStore, directory: Path) -> None:
    await stored(store, KEY, b"first")
    await stored(store, KEY, b"second")

    assert await contents(store, KEY) == b"first"
    assert files_in(directory) == [KEY]


async def test_committing_again_is_no_error_but_what_was_discarded_is_missing(
    store: FileStore,
) -> None:
    staged = await stored(store, KEY, b"x")
    await store.commit(staged, KEY)
    gone = await store.stage(chunks(b"y"))
    await store.discard(gone)
    await store.discard(gone)

    with pytest.raises(FileMissingError):
        await store.commit(gone, "inputs/other.zip")


async def test_what_is_staged_has_no_key_and_discarding_leaves_nothing(
    store: FileStore, directory: Path
) -> None:
    staged = await store.stage(chunks(b"x"))
    assert len(files_in(directory)) == 1

    await store.discard(staged)

    assert files_in(directory) == []


async def test_a_source_that_fails_leaves_nothing_staged(
    store: FileStore, directory: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield BIG
        assert len(files_in(directory)) == 1
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.stage(broken())

    assert files_in(directory) == []


async def test_being_cancelled_leaves_nothing_staged(
    store: FileStore, directory: Path
) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield BIG
        assert len(files_in(directory)) == 1
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await store.stage(stalled())

    assert scope.cancelled_caught
    assert files_in(directory) == []


async def test_many_are_staged_at_once(store: FileStore) -> None:
    async def put(number: int) -> None:
        await stored(store, f"inputs/{number}.zip", bytes([number]) * 300_000)

    async with anyio.create_task_group() as uploads:
        for number in range(20):
            uploads.start_soon(put, number)

    for number in range(20):
        assert await contents(store, f"inputs/{number}.zip") == (
            bytes([number]) * 300_000
        )


async def test_a_name_that_is_no_stage_id_is_refused(store: FileStore) -> None:
    with pytest.raises(ValueError, match="not the id"):
        await store.discard(Staged(stage_id="../x", size=0, sha256=""))


def test_keys_hold_ids_only_and_an_id_cannot_leave_its_place() -> None:
    job = JobId("j-1")
    assert result_key(job, 2, "ab") == "results/j-1/2/ab.zip"
    assert manifest_key(job, 2, "ab") == "results/j-1/2/ab.json"
    for bad in ("..", "a/b", "", "a.b", "é"):
        with pytest.raises(ValueError, match="cannot be part"):
            input_key(BundleId(bad))


async def test_files_survive_the_store_that_wrote_them(directory: Path) -> None:
    first = LocalFileStore(directory)
    await stored(first, KEY, b"kept")
    first.close()

    second = LocalFileStore(directory)

    assert await contents(second, KEY) == b"kept"
    second.close()


async def test_below_the_reserve_the_store_is_full(directory: Path) -> None:
    store = LocalFileStore(directory, reserve_bytes=1 << 60)

    with pytest.raises(StorageFullError, match="no space is left"):
        await store.stage(chunks(b"x"))

    assert await store.free_bytes() == 0
    assert files_in(directory) == []
    store.close()


async def test_free_bytes_are_those_of_the_disk_without_the_reserve(
    directory: Path,
) -> None:
    with_reserve = LocalFileStore(directory, reserve_bytes=1 << 30)
    without = LocalFileStore(directory, reserve_bytes=0)

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


def test_what_a_killed_process_left_goes_at_the_next_opening(directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING, directory], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"staged\n"
        # While it lives, what it stages is its own.
        LocalFileStore(directory).close()
        assert len(files_in(directory)) == 1
        process.send_signal(signal.SIGKILL)

    LocalFileStore(directory).close()

    assert files_in(directory) == []


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
