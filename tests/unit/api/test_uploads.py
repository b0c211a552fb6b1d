"""Uploads over time: received whole, or nothing is left."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from zipfile import ZipFile

import anyio
import pytest

from orchestrator.api.uploads import UploadLimits, receive_upload
from orchestrator.errors import (
    StorageFullError,
    UploadMalformedError,
    UploadTooLargeError,
    UploadTooSlowError,
)
from orchestrator.files.port import Staged
from orchestrator.files.store import LocalFileStore
from tests.unit.api.multipart_bodies import CONTENT_TYPE, body, field, file

LIMITS = UploadLimits()
SENT = body(field("user_id", "7"), file("run.sh", b"x" * 600_000))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalFileStore]:
    opened = LocalFileStore(tmp_path)
    yield opened
    opened.close()


def left_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def pieces(*sent: bytes, then: str = "end") -> AsyncIterator[bytes]:
    """Yield a body in pieces, and then end, stall or break off."""
    for piece in sent:
        yield piece
    if then == "stall":
        await anyio.sleep_forever()
    if then == "hang up":
        raise ConnectionResetError


async def test_what_was_received_is_on_the_stage_and_can_be_committed(
    store: LocalFileStore, tmp_path: Path
) -> None:
    upload = await receive_upload(
        pieces(SENT[:100], b"", SENT[100:]), CONTENT_TYPE, LIMITS, store
    )
    await store.commit(upload.staged, "inputs/b.zip")

    assert upload.fields == {"user_id": "7"}
    assert upload.names == ("run.sh",)
    assert upload.script is None
    assert upload.staged.size == (tmp_path / "inputs/b.zip").stat().st_size
    with ZipFile(tmp_path / "inputs/b.zip") as archive:
        assert archive.read("run.sh") == b"x" * 600_000


async def test_the_bundle_is_the_same_whenever_and_however_it_is_sent(
    store: LocalFileStore,
) -> None:
    async def staged(*sent: bytes) -> Staged:
        chunks = pieces(*sent)
        return (await receive_upload(chunks, CONTENT_TYPE, LIMITS, store)).staged

    one = await staged(SENT)
    other = await staged(*(SENT[at : at + 1000] for at in range(0, len(SENT), 1000)))

    assert (one.sha256, one.size) == (other.sha256, other.size)


@pytest.mark.parametrize(
    ("chunks", "limits", "error"),
    [
        (pieces(SENT, then="hang up"), LIMITS, ConnectionResetError),
        (pieces(SENT[:-20], then="hang up"), LIMITS, ConnectionResetError),
        (pieces(SENT[:-20]), LIMITS, UploadMalformedError),
        (pieces(b"nonsense" * 100), LIMITS, UploadMalformedError),
        (pieces(SENT), UploadLimits(body_bytes=500_000), UploadTooLargeError),
        (
            pieces(SENT[:-20], then="stall"),
            UploadLimits(pause_seconds=0.02),
            UploadTooSlowError,
        ),
    ],
)
async def test_a_refused_or_broken_upload_leaves_nothing(
    store: LocalFileStore,
    tmp_path: Path,
    chunks: AsyncIterator[bytes],
    limits: UploadLimits,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        await receive_upload(chunks, CONTENT_TYPE, limits, store)

    assert left_in(tmp_path) == []


async def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    store = LocalFileStore(tmp_path, reserve_bytes=1 << 60)
    with pytest.raises(StorageFullError):
        await receive_upload(pieces(SENT), CONTENT_TYPE, LIMITS, store)
    assert left_in(tmp_path) == []
    store.close()


async def test_a_cancelled_upload_leaves_nothing(
    store: LocalFileStore, tmp_path: Path
) -> None:
    async def cancelling() -> AsyncIterator[bytes]:
        yield SENT[:-20]
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await receive_upload(cancelling(), CONTENT_TYPE, LIMITS, store)

    assert scope.cancelled_caught
    assert left_in(tmp_path) == []


async def test_a_body_said_to_be_too_large_is_refused_before_it_comes(
    store: LocalFileStore,
) -> None:
    with pytest.raises(UploadTooLargeError, match="body passes the limit of 419430400"):
        await receive_upload(
            pieces(then="stall"),
            CONTENT_TYPE,
            LIMITS,
            store,
            content_length=(400 << 20) + 1,
        )


async def test_a_pause_that_is_too_long_is_told_from_a_whole_that_takes_too_long(
    store: LocalFileStore,
) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for byte in SENT:
            await anyio.sleep(0.005)
            yield bytes([byte])

    limits = UploadLimits(pause_seconds=0.05, total_seconds=0.2)
    with pytest.raises(UploadTooSlowError, match=r"pause took over 0\.05 s"):
        await receive_upload(pieces(then="stall"), CONTENT_TYPE, limits, store)
    limits = UploadLimits(pause_seconds=5, total_seconds=0.05)
    with pytest.raises(UploadTooSlowError, match=r"whole body took over 0\.05 s"):
        await receive_upload(trickle(), CONTENT_TYPE, limits, store)


MEASURING = """
import anyio, sys
from pathlib import Path
from orchestrator.api.uploads import UploadLimits, receive_upload
from orchestrator.files.store import LocalFileStore
from tests.unit.api.multipart_bodies import CONTENT_TYPE, body, file

def resident(field):
    text = Path("/proc/self/status").read_text()
    return int(text.partition(field + ":")[2].split()[0])

async def chunks(mebibytes):
    head, tail = body(file("big", b"|")).split(b"|")
    yield head
    block = b"x" * 65536
    for _ in range(mebibytes * 16):
        yield block
    yield tail

async def receive(mebibytes, store):
    limits = UploadLimits(body_bytes=500 << 20)
    upload = await receive_upload(chunks(mebibytes), CONTENT_TYPE, limits, store)
    await store.commit(upload.staged, f"inputs/{mebibytes}.zip")
    got = 0
    async for piece in store.read(f"inputs/{mebibytes}.zip"):
        got += len(piece)
    return got

async def main():
    store = LocalFileStore(Path(sys.argv[1]))
    await receive(1, store)
    before = resident("VmRSS")
    print(await receive(400, store), resident("VmHWM") - before)

anyio.run(main)
"""


def test_four_hundred_mebibytes_up_and_down_take_little_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEASURING, tmp_path]
    done = subprocess.run(command, check=True, capture_output=True)

    read, grown_kib = map(int, done.stdout.split())
    (tmp_path / "inputs/400.zip").unlink()
    assert read > 400 << 20
    assert grown_kib < 50 << 10
