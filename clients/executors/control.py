"""The control directory: a lock file and an outcome file for each attempt.

A lock that is held means running; one that is free without an outcome means lost.
Nothing is guessed from a pid: the files outlive every process. Standard library only.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

_LOCK = ".lock"
_NEW = ".new"
_OUTCOME = ".outcome"
_WRITING = ".writing"
# Between the fork and its first statement a supervisor has not yet said its pid.
_PID_PAUSE_SECONDS = 0.002


class Control:
    """The attempts under one flat directory, by their keys."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def held(self) -> list[str]:
        """Return the attempts that run or have an outcome."""
        return sorted(
            {
                entry.name.removesuffix(entry.suffix)
                for entry in self._directory.iterdir()
                if entry.suffix in {_LOCK, _OUTCOME}
            },
        )

    def holds(self, key: str) -> bool:
        """Return whether an attempt was started here and is not forgotten."""
        return self._path(key, _LOCK).exists() or self._path(key, _OUTCOME).exists()

    def claim(self, key: str, tags: Sequence[str]) -> int:
        """Return the held lock of a new attempt; it is held from its first moment."""
        new = self._path(key, _NEW)
        lock = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.write(lock, json.dumps(list(tags)).encode() + b"\n")
            new.rename(self._path(key, _LOCK))
        except BaseException:
            os.close(lock)
            raise
        return lock

    def supervisor(self, key: str) -> int | None:
        """Return a pidfd of the process that holds an attempt's lock, if one does."""
        try:
            lock = os.open(self._path(key, _LOCK), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            while not _is_free(lock):
                if pid := self._pid(key):
                    return _pidfd_of_holder(pid, lock)
                time.sleep(_PID_PAUSE_SECONDS)
            return None
        finally:
            os.close(lock)

    def stop(self, key: str) -> None:
        """Tell an attempt's supervisor, if it has one, to stop it."""
        pidfd = self.supervisor(key)
        if pidfd is None:
            return
        try:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        finally:
            os.close(pidfd)

    def tags(self, key: str) -> list[str]:
        """Return the environment entries by which an attempt's processes are known."""
        lines = self._lock_lines(key)
        return cast("list[str]", json.loads(lines[0])) if lines else []

    def outcome(self, key: str) -> bytes | None:
        """Return the outcome of an attempt, if it left one."""
        with suppress(FileNotFoundError):
            return self._path(key, _OUTCOME).read_bytes()
        return None

    def publish(self, key: str, outcome: bytes) -> None:
        """Keep the outcome of an attempt; on return it survives a power loss."""
        writing = self._path(key, _WRITING)
        with writing.open("wb") as file:
            file.write(outcome)
            file.flush()
            os.fsync(file.fileno())
        writing.rename(self._path(key, _OUTCOME))
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def forget(self, key: str) -> None:
        """Remove the files of an attempt."""
        # The lock first: left alone, it would say lost; an outcome is only told twice.
        for suffix in (_LOCK, _OUTCOME, _WRITING, _NEW):
            self._path(key, suffix).unlink(missing_ok=True)

    def _path(self, key: str, suffix: str) -> Path:
        return self._directory / f"{key}{suffix}"

    def _lock_lines(self, key: str) -> list[bytes]:
        with suppress(FileNotFoundError):
            return self._path(key, _LOCK).read_bytes().splitlines(keepends=True)
        return []

    def _pid(self, key: str) -> int | None:
        lines = self._lock_lines(key)
        complete = len(lines) > 1 and lines[1].endswith(b"\n")
        return int(lines[1]) if complete else None


def sign(lock: int) -> None:
    """Write this process into the lock that it inherited."""
    os.write(lock, b"%d\n" % os.getpid())


def _is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pidfd_of_holder(pid: int, lock: int) -> int | None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    # Still held after the pidfd was made, so the pid was its holder's all the while.
    if _is_free(lock):
        os.close(pidfd)
        return None
    return pidfd
