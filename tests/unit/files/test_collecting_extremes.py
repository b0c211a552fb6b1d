"""Collecting in hard cases: odd names, depth, size, and a job that still writes."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from hypothesis import given, settings, strategies as st

from tests.unit.files.work import Work, paths


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
