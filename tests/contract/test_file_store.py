"""What every file store promises; run on each adapter."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from orchestrator.domain.ids import BundleId, JobId
from orchestrator.errors import FileMissingError
from orchestrator.files.port import (
    FileStore,
    Staged,
    input_key,
    manifest_key,
    result_key,
)
from orchestrator.files.store import LocalFileStore
from tests.contract.stored_files import KEY, chunks, contents, files_in, stored

BIG = bytes(range(256)) * 4096 * 3 + b"tail"  # three range reads and a bit


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(params=[LocalFileStore])
def store(directory: Path, request: pytest.FixtureRequest) -> Iterator[LocalFileStore]:
    opened = request.param(directory)
    yield opened
    opened.close()


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
