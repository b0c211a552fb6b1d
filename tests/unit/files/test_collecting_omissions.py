"""Collecting what is no plain file: links that stay inside, and nothing silently missing."""

import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.files.manifest import Omission
from tests.unit.files.work import Work, paths


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
