"""Collecting what a job left: the same bytes each time, nothing silently missing."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings, strategies as st

from orchestrator.files.bundle import check_archive, collect, unpack_bundle
from orchestrator.files.manifest import Manifest, Omission, Renaming

NOON_NS = 1_700_000_001_123_456_789  # an odd second, which DOS time cannot say


class Work:
    """A work directory, the captured output beside it, and the archive."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.directory = place / "job"
        self.directory.mkdir()
        self.stdout = place / "control.out"
        self.stderr = place / "control.err"
        self.target = place / "results.zip"
        self.write(self.stdout, b"captured out")
        self.write(self.stderr, b"captured err")

    def write(self, path: str | Path, content: bytes, mode: int = 0o644) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
        os.utime(file, ns=(NOON_NS, NOON_NS))

    def collect(self) -> Manifest:
        manifest = collect(self.directory, self.stdout, self.stderr, self.target)
        check_archive(self.target, manifest)
        return manifest

    def read(self, name: str) -> bytes:
        with ZipFile(self.target) as archive:
            return archive.read(name)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


def paths(manifest: Manifest) -> list[str]:
    return [entry.path for entry in manifest.entries]


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


@pytest.mark.parametrize(
    ("link", "target", "stored"),
    [
        ("l", "a", "a"),
        ("d/l", "../a", "../a"),
        ("l", "nothing-there", "nothing-there"),
        ("l", ".", "."),
        ("l", "ABSOLUTE/a", "a"),
        ("d/l", "ABSOLUTE/d/b", "b"),
        ("d/l", "../../job/a", "../a"),
    ],
)
def test_a_link_that_stays_inside_is_kept_as_a_link(
    work: Work, link: str, target: str, stored: str
) -> None:
    work.write("a", b"1")
    work.write("d/b", b"2")
    absolute = target.replace("ABSOLUTE", str(work.directory))
    (work.directory / link).symlink_to(absolute)

    manifest = work.collect()

    entry = next(entry for entry in manifest.entries if entry.path == link)
    assert (entry.kind, entry.target) == ("symlink", stored)
    assert work.read(link) == stored.encode()
    subprocess.run(["unzip", "-q", work.target, "-d", work.place / "out"], check=True)
    assert (work.place / "out" / link).readlink() == Path(stored)


@pytest.mark.parametrize("target", ["..", "/etc/passwd", "../control.out", "up/../.."])
def test_a_link_that_leads_out_is_left_out_and_said_so(work: Work, target: str) -> None:
    work.write("d/b", b"2")
    (work.directory / "up").symlink_to("d/..")
    (work.directory / "l").symlink_to(target)

    manifest = work.collect()

    assert manifest.omitted == (Omission(path="l", reason="is a link that leads out"),)
    assert "l" not in paths(manifest)


def test_links_in_a_circle_do_no_harm(work: Work) -> None:
    (work.directory / "a").symlink_to("b")
    (work.directory / "b").symlink_to("a")
    manifest = work.collect()
    named = {*paths(manifest), *(omission.path for omission in manifest.omitted)}
    assert named == {"a", "b", "stdout", "stderr"}


def test_what_is_no_file_is_left_out_and_never_opened(work: Work) -> None:
    os.mkfifo(work.directory / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(work.directory / "socket"))
        manifest = work.collect()

    assert manifest.omitted == (
        Omission(path="fifo", reason="is a FIFO"),
        Omission(path="socket", reason="is a socket"),
    )


def test_a_device_is_left_out(work: Work) -> None:
    try:
        os.mknod(work.directory / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")

    manifest = work.collect()

    assert manifest.omitted == (Omission(path="null", reason="is a device"),)


@contextmanager
def as_nobody() -> Generator[None]:
    """Root reads everything: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_left_out_with_the_reason() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        work = Work(Path(name))
        work.write("secret", b"1", 0)
        work.write("closed/f", b"2")
        (work.directory / "closed").chmod(0)
        with as_nobody():
            manifest = work.collect()
        (work.directory / "closed").chmod(0o700)

    reason = "cannot be read: Permission denied"
    assert manifest.omitted == (
        Omission(path="closed", reason=reason),
        Omission(path="secret", reason=reason),
    )
    assert paths(manifest) == ["stderr", "stdout"]


def test_names_that_are_not_utf8_are_kept_readably_and_said_so(work: Work) -> None:
    directory = os.fsencode(work.directory)
    for name, content in ((b"caf\xe9", b"1"), (b"caf\\xe9", b"2"), (b"\xff/in", b"3")):
        path = Path(os.fsdecode(os.path.join(directory, name)))  # noqa: PTH118 - bytes
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    manifest = work.collect()

    assert work.read("caf\\xe9") == b"2"
    assert work.read("caf\\xe9.user") == b"1"
    assert work.read("\\xff/in") == b"3"
    assert [(note.path, note.stored_as) for note in manifest.renamed] == [
        ("caf\\xe9", "caf\\xe9.user"),
        ("\\xff", "\\xff"),
    ]


def test_the_archive_never_holds_itself(work: Work) -> None:
    work.write("f", b"1")
    work.target = work.directory / "results.zip"
    manifest = work.collect()
    assert paths(manifest) == ["f", "stderr", "stdout"]


def test_directories_nested_too_deep_are_said_to_be(work: Work) -> None:
    deep = work.directory
    for _ in range(200):
        deep /= "d"
    deep.mkdir(parents=True)

    manifest = work.collect()

    assert [note.reason for note in manifest.omitted] == ["is nested too deep"]


def test_a_file_that_grows_and_names_that_come_and_go_end_the_collection_all_the_same(
    work: Work,
) -> None:
    stop = threading.Event()
    work.write("steady", b"steady")

    def disturb() -> None:
        with (work.directory / "growing").open("ab") as growing:
            while not stop.is_set():
                growing.write(b"x" * 1000)
                growing.flush()
                (work.directory / "flicker").write_bytes(b"y")
                (work.directory / "flicker").unlink()

    other = threading.Thread(target=disturb)
    other.start()
    try:
        manifests = [work.collect() for _ in range(3)]
    finally:
        stop.set()
        other.join()

    for manifest in manifests:
        assert "steady" in paths(manifest)


def test_a_failure_leaves_no_archive(work: Work) -> None:
    with pytest.raises(FileNotFoundError):
        collect(work.place / "missing", None, None, work.target)
    assert not work.target.exists()


MEASURING = """
import os, sys
from pathlib import Path
from orchestrator.files.bundle import collect

def resident(field):
    text = Path("/proc/self/status").read_text()
    return int(text.partition(field + ":")[2].split()[0])

place = Path(sys.argv[1])
before = resident("VmRSS")
manifest = collect(place / "job", None, None, place / "r.zip")
print(resident("VmHWM") - before, len(manifest.entries))
"""


def test_a_huge_file_and_many_small_ones_take_little_memory(work: Work) -> None:
    with (work.directory / "huge").open("wb") as sparse:
        sparse.truncate(100 << 20)
    for number in range(1000):
        (work.directory / f"{number}").touch()

    command = [sys.executable, "-c", MEASURING, work.place]
    done = subprocess.run(command, check=True, capture_output=True)

    grown_kib, entries = map(int, done.stdout.split())
    assert entries == 1001
    assert grown_kib < 30 << 10


NAMES = st.binary(min_size=1, max_size=12).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=6))
def test_whatever_the_names_every_file_is_there_once(files: dict[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        work = Work(Path(name))
        for file, content in files.items():
            (work.directory / os.fsdecode(file)).write_bytes(content)

        manifest = work.collect()  # checks the archive against it

        kept = [work.read(path) for path in paths(manifest)]
    captured = [b"captured out", b"captured err"]
    assert sorted(kept) == sorted([*files.values(), *captured])
    assert manifest.omitted == ()
