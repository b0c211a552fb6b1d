"""Collecting what a job left: the same bytes each time, under names of their own."""

import os
import stat
import subprocess
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from orchestrator.files.bundle import collect, unpack_bundle
from orchestrator.files.manifest import Omission, Renaming
from tests.unit.files.work import NOON_NS, Work, paths


def test_everything_is_there_sorted_with_the_captured_output(work: Work) -> None:
    for name in ("run.sh", "sub/z", "sub/a", "sub-1", "sub.x", "zz"):
        work.write(name, name.encode())

    manifest = work.collect()

    expected = ["run.sh", "stderr", "stdout", "sub-1", "sub.x", "sub/a", "sub/z", "zz"]
    assert paths(manifest) == expected == sorted(expected)
    with ZipFile(work.target) as archive:
        assert archive.namelist() == expected
    assert work.read("stdout") == b"captured out"
    assert work.read("sub/a") == b"sub/a"
    assert manifest.omitted == manifest.renamed == ()


def test_the_same_files_give_the_same_bytes(work: Work, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Work(tmp_path / "other")
    for name in ("b", "a", "c"):
        work.write(name, b"x" * 5000)
    for name in ("c", "b", "a"):
        other.write(name, b"x" * 5000)

    assert work.collect() == other.collect() == other.collect()

    assert work.target.read_bytes() == other.target.read_bytes()


def test_modes_and_times_are_kept(work: Work) -> None:
    work.write("tool", b"", 0o4751)

    tool = work.collect().entries[-1]

    assert (tool.mode, tool.mtime_ns) == (0o751, NOON_NS)
    subprocess.run(["unzip", "-q", work.target, "-d", work.place / "out"], check=True)
    status = (work.place / "out/tool").stat()
    assert stat.S_IMODE(status.st_mode) == 0o751
    assert int(status.st_mtime) == NOON_NS // 1_000_000_000


@pytest.mark.parametrize("seconds", [-5, 0, 1 << 31, 1 << 34])
def test_times_that_the_format_cannot_say_do_no_harm(work: Work, seconds: int) -> None:
    work.write("f", b"1")
    os.utime(work.directory / "f", (seconds, seconds))
    kept = (work.directory / "f").stat().st_mtime_ns  # file systems have limits too

    assert work.collect().entries[0].mtime_ns == kept


def test_files_are_deflated_with_room_for_more_than_four_gigabytes(
    work: Work,
) -> None:
    work.write("f", b"x" * 100_000)
    work.collect()
    with ZipFile(work.target) as archive:
        info = archive.getinfo("f")
    assert info.compress_type == ZIP_DEFLATED
    assert info.compress_size < 1000
    assert info.create_system == 3
    assert info.extract_version == 45  # zip64
    assert not info.flag_bits & 8  # sizes stand before the data: any reader streams it


def test_a_jobs_own_stdout_and_stderr_are_kept_under_another_name(
    work: Work,
) -> None:
    work.write("stdout", b"own")
    work.write("stdout.user", b"owned too")
    work.write("stderr/deep", b"a directory")

    manifest = work.collect()

    assert paths(manifest) == [
        "stderr",
        "stderr.user/deep",
        "stdout",
        "stdout.user",
        "stdout.user.user",
    ]
    assert work.read("stdout") == b"captured out"
    assert work.read("stdout.user") == b"owned too"
    assert work.read("stdout.user.user") == b"own"
    why = "is the name of a captured file"
    assert manifest.renamed == (
        Renaming(path="stderr", stored_as="stderr.user", reason=why),
        Renaming(path="stdout", stored_as="stdout.user.user", reason=why),
    )


def test_below_the_top_the_names_of_captured_files_are_free(work: Work) -> None:
    work.write("sub/stdout", b"own")
    manifest = work.collect()
    assert "sub/stdout" in paths(manifest)
    assert manifest.renamed == ()


def test_without_captured_output_the_names_are_the_jobs(work: Work) -> None:
    work.write("stdout", b"own")
    manifest = collect(work.directory, None, None, work.target)
    assert paths(manifest) == ["stdout"]
    assert manifest.renamed == ()


def test_captured_output_that_is_gone_is_said_to_be_missing(work: Work) -> None:
    work.stdout.unlink()
    manifest = work.collect()
    assert paths(manifest) == ["stderr"]
    assert manifest.omitted == (Omission(path="stdout", reason="vanished"),)


def test_an_empty_directory_is_kept(work: Work) -> None:
    (work.directory / "d/empty").mkdir(parents=True)
    manifest = work.collect()
    assert [(entry.path, entry.kind) for entry in manifest.entries[:1]] == [
        ("d/empty", "directory")
    ]
    unpack_bundle(work.target, work.place / "out")
    assert (work.place / "out/d/empty").is_dir()


def test_a_failure_leaves_no_archive(work: Work) -> None:
    with pytest.raises(FileNotFoundError):
        collect(work.place / "missing", None, None, work.target)
    assert not work.target.exists()
