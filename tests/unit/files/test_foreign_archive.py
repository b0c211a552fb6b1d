import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from orchestrator.errors import ArchiveMismatchError
from orchestrator.files.archive_check import check_archive
from orchestrator.files.foreign_archive import describe_archive


def as_the_original(path: Path, *names: str) -> Path:
    """Write a zip with the traits of the original's: all directories, all 755."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name in names:
            info = ZipInfo(name, (2026, 1, 2, 3, 4, 6))
            info.create_system, info.compress_type = 3, ZIP_DEFLATED
            kind = stat.S_IFDIR if name.endswith("/") else stat.S_IFREG
            info.external_attr = (kind | 0o755) << 16
            archive.writestr(info, "" if name.endswith("/") else name * 1_000)
    return path


def test_an_archive_of_the_original_is_exactly_what_its_manifest_says(
    tmp_path: Path,
) -> None:
    path = as_the_original(tmp_path / "output.zip", "run.sh", "out/", "out/é.pdb")

    manifest = describe_archive(path)

    check_archive(path, manifest)
    kinds = [(entry.path, entry.kind, entry.mode) for entry in manifest.entries]
    assert kinds == [
        ("run.sh", "file", 0o755),
        ("out", "directory", 0o755),
        ("out/é.pdb", "file", 0o755),
    ]
    assert manifest.entries[0].mtime_ns == 1_767_323_046 * 1_000_000_000


def test_an_archive_without_a_sensible_date_is_dated_1980(tmp_path: Path) -> None:
    path = as_the_original(tmp_path / "output.zip", "run.sh")
    with ZipFile(path) as archive:
        date = archive.infolist()[0].FileHeader()[10:14]
    path.write_bytes(path.read_bytes().replace(date, date[:2] + b"\0\0"))

    assert describe_archive(path).entries[0].mtime_ns == 315_532_800 * 1_000_000_000


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = as_the_original(tmp_path / "output.zip", "run.sh")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ArchiveMismatchError, match="is damaged"):
        describe_archive(path)


def test_an_archive_with_altered_content_is_refused(tmp_path: Path) -> None:
    path = as_the_original(tmp_path / "output.zip", "run.sh")
    data = bytearray(path.read_bytes())
    data[len("run.sh") + 32] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ArchiveMismatchError):
        describe_archive(path)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = as_the_original(tmp_path / "output.zip", name)
    with pytest.raises(ArchiveMismatchError):
        describe_archive(path)
