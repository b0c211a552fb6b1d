"""An archive is believed only as far as its manifest goes."""

from pathlib import Path

import msgspec
import pytest

from orchestrator.errors import ArchiveMismatchError
from orchestrator.files.bundle import check_archive, collect
from orchestrator.files.manifest import Manifest


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / "job").mkdir()
    (tmp_path / "job/a").write_bytes(b"content of a")
    (tmp_path / "job/b").write_bytes(b"content of b")
    return collect(tmp_path / "job", None, None, tmp_path / "r.zip")


def test_the_archive_that_was_collected_is_right(
    tmp_path: Path, manifest: Manifest
) -> None:
    check_archive(tmp_path / "r.zip", manifest)
    with (tmp_path / "r.zip").open("rb") as file:
        check_archive(file, manifest)


def test_a_changed_byte_anywhere_is_noticed(tmp_path: Path, manifest: Manifest) -> None:
    path = tmp_path / "r.zip"
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        flipped = bytes([whole[place] ^ 1])
        path.write_bytes(whole[:place] + flipped + whole[place + 1 :])
        with pytest.raises(ArchiveMismatchError, match="has sha256"):
            check_archive(path, manifest)


def test_a_truncated_archive_is_noticed(tmp_path: Path, manifest: Manifest) -> None:
    path = tmp_path / "r.zip"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArchiveMismatchError, match=r"r\.zip: has \d+ bytes where"):
        check_archive(path, manifest)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"sha256": "0"}, "a: has another content"),
        ({"size": 1}, "a: has another content"),
        ({"mode": 0}, "a: has another type or mode"),
        ({"kind": "symlink"}, "a: has another type or mode"),
        ({"path": "c"}, "a: is not in the manifest"),
    ],
)
def test_an_entry_that_differs_is_named(
    tmp_path: Path, manifest: Manifest, said: dict[str, str | int], why: str
) -> None:
    first, *rest = manifest.entries
    entries = (msgspec.structs.replace(first, **said), *rest)
    changed = msgspec.structs.replace(manifest, entries=entries)
    with pytest.raises(ArchiveMismatchError, match=why):
        check_archive(tmp_path / "r.zip", changed)


def test_an_entry_that_the_archive_lacks_is_named(
    tmp_path: Path, manifest: Manifest
) -> None:
    extra = msgspec.structs.replace(manifest.entries[0], path="z")
    changed = msgspec.structs.replace(manifest, entries=(*manifest.entries, extra))
    with pytest.raises(ArchiveMismatchError, match="z: is not in the archive"):
        check_archive(tmp_path / "r.zip", changed)
