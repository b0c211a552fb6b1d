"""The control directory says who runs, who ended and who is lost."""

import os
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients.executors.control import Control, sign
from clients.executors.linux import kill_tagged


@pytest.fixture
def control(tmp_path: Path) -> Control:
    return Control(tmp_path)


@contextmanager
def supervised(control: Control, key: str) -> Generator[int]:
    """Hold an attempt's lock, as its supervisor does."""
    lock = control.claim(key, ["HOME=/somewhere"])
    try:
        yield lock
    finally:
        os.close(lock)


def supervisor_pid(control: Control, key: str) -> int | None:
    pidfd = control.supervisor(key)
    if pidfd is None:
        return None
    facts = Path(f"/proc/self/fdinfo/{pidfd}").read_text()
    os.close(pidfd)
    return next(int(line[4:]) for line in facts.splitlines() if line.startswith("Pid"))


def test_nobody_supervises_an_unknown_attempt(control: Control) -> None:
    assert control.supervisor("a.1") is None
    assert not control.holds("a.1")
    assert control.outcome("a.1") is None
    assert control.tags("a.1") == []


def test_who_holds_the_lock_supervises(control: Control) -> None:
    with supervised(control, "a.1") as lock:
        sign(lock)
        assert supervisor_pid(control, "a.1") == os.getpid()
    assert control.supervisor("a.1") is None
    assert control.holds("a.1")


def test_one_who_has_not_signed_yet_is_waited_for(control: Control) -> None:
    found: list[int | None] = []
    with supervised(control, "a.1") as lock:
        look = threading.Thread(
            target=lambda: found.append(supervisor_pid(control, "a.1")),
        )
        look.start()
        sign(lock)
        look.join(5)
    assert found == [os.getpid()]


def test_one_who_died_before_signing_supervises_nothing(control: Control) -> None:
    with supervised(control, "a.1"):
        pass
    assert control.supervisor("a.1") is None


def test_tags_are_kept_with_the_lock(control: Control) -> None:
    with supervised(control, "a.1") as lock:
        sign(lock)
    assert control.tags("a.1") == ["HOME=/somewhere"]


def test_an_outcome_is_read_as_it_was_published(control: Control) -> None:
    control.publish("a.1", b"first")
    control.publish("a.1", b"second")
    assert control.outcome("a.1") == b"second"
    assert control.holds("a.1")


def test_running_and_ended_attempts_are_held_once_each(control: Control) -> None:
    with supervised(control, "a.b.1"), supervised(control, "c.2"):
        control.publish("c.2", b"")
        control.publish("d.10", b"")
        assert control.held() == ["a.b.1", "c.2", "d.10"]


def test_a_half_written_outcome_is_none(control: Control, tmp_path: Path) -> None:
    (tmp_path / "a.1.writing").write_bytes(b"ha")
    assert control.outcome("a.1") is None
    assert control.held() == []


def test_nothing_remains_of_what_is_forgotten(
    control: Control,
    tmp_path: Path,
) -> None:
    with supervised(control, "a.1"):
        control.publish("a.1", b"")
    control.forget("a.1")
    control.forget("a.1")
    assert list(tmp_path.iterdir()) == []


def test_only_what_carries_the_tag_is_killed(tmp_path: Path) -> None:
    tag = f"HOME={tmp_path}"
    environments = ({"HOME": str(tmp_path)}, {"HOME": f"{tmp_path}/deeper"})
    tagged, other = (
        subprocess.Popen(["/bin/sleep", "60"], env=environment)
        for environment in environments
    )
    try:
        assert kill_tagged([tag])
        assert tagged.wait(5) == -9
        assert not kill_tagged([tag])
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
