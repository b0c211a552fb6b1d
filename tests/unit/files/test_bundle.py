"""Input bundles: the same bytes for the same files, and back to the same files."""

import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest
from hypothesis import given, strategies as st

from orchestrator.errors import BundleUnsafeError
from orchestrator.files.bundle import BundleWriter, bundle_bytes, unpack_bundle

NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"),
    min_size=1,
    max_size=60,
).filter(lambda name: name not in {".", ".."})
FILES = st.lists(st.tuples(NAMES, st.binary(max_size=200)), max_size=6)


def bundle(files: Iterable[tuple[str, bytes]], piece: int = 1 << 20) -> bytes:
    writer = BundleWriter()
    made = b""
    for name, content in files:
        writer.begin(name)
        for start in range(0, len(content), piece):
            writer.write(content[start : start + piece])
            made += writer.take()
    writer.finish()
    return made + writer.take()


@given(FILES)
def test_any_files_come_out_as_they_went_in_and_the_last_of_a_name_counts(
    files: list[tuple[str, bytes]],
) -> None:
    with tempfile.TemporaryDirectory() as place:
        path, target = Path(place, "b.zip"), Path(place, "out")
        path.write_bytes(bundle(files))

        names = unpack_bundle(path, target)

        assert sorted(names) == sorted(dict(files))
        found = {file.name: file.read_bytes() for file in target.iterdir()}
        assert found == dict(files)


@given(FILES, st.integers(1, 50))
def test_the_bytes_depend_on_content_and_order_only(
    files: list[tuple[str, bytes]], piece: int
) -> None:
    assert bundle(files, piece) == bundle(files)


def test_another_order_is_another_bundle() -> None:
    files = [("a", b"1"), ("b", b"2")]
    assert bundle(files) != bundle(reversed(files))


def test_a_bundle_without_files_is_an_empty_zip(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(bundle([]))
    assert unpack_bundle(tmp_path / "b.zip", tmp_path / "out") == ()
    assert list((tmp_path / "out").iterdir()) == []


def test_files_are_stored_not_deflated_and_the_script_is_executable() -> None:
    with ZipFile(BytesIO(bundle([("run.sh", b"x" * 999), ("a", b"")]))) as archive:
        script, data = archive.infolist()
    assert script.compress_type == ZIP_STORED
    assert script.compress_size == script.file_size == 999
    assert script.external_attr >> 16 == 0o100755
    assert data.external_attr >> 16 == 0o100644
    assert script.date_time == (1980, 1, 1, 0, 0, 0)


def test_unzip_and_zipfile_agree_that_the_last_of_a_name_counts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "b.zip"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path.write_bytes(bundle([("a", b"first"), ("b", b"other"), ("a", b"last")]))

    with ZipFile(path) as archive:
        assert archive.namelist() == ["b", "a"]
        assert archive.read("a") == b"last"
        assert archive.testzip() is None
    shown = subprocess.run(["unzip", "-p", path, "a"], check=True, capture_output=True)
    assert shown.stdout == b"last"


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "/a", "a/../../b", "a\0b"])
def test_a_name_that_leads_out_is_refused_when_writing(name: str) -> None:
    with pytest.raises(BundleUnsafeError):
        BundleWriter().begin(name)


async def test_a_bundle_is_made_from_streams_piece_by_piece() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"12"
        yield b"3"

    async def files() -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        yield "a", content()
        yield "b", content()

    pieces = [piece async for piece in bundle_bytes(files())]

    assert b"".join(pieces) == bundle([("a", b"123"), ("b", b"123")])
    assert len(pieces) == 5


async def test_a_stream_that_breaks_off_breaks_the_bundle_off() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"12"
        raise ConnectionResetError

    async def files() -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        yield "a", content()

    with pytest.raises(ConnectionResetError):
        _ = [piece async for piece in bundle_bytes(files())]
