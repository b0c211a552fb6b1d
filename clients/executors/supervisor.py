"""One process an attempt: parent of the job, witness of its end, end of its remains.

Runs in a fork of the spawner. Standard library only.
"""

import errno
import json
import os
import resource
import signal
import time
from typing import NoReturn, TypedDict

from clients.executors.control import Control, sign
from clients.executors.linux import (
    adopt_orphans,
    die_with_parent,
    name_process,
    signal_children,
)

STOP = signal.SIGTERM
# Python ignores these two, and what is ignored stays so across exec.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_KILL_PAUSE_SECONDS = 0.02
_DISK_FULL_PAUSE_SECONDS = 1.0
# A fork may grow a little between our look at its size and its exec.
_RSS_SLACK_KIB = 1024


class Order(TypedDict):
    """What the agent asks the spawner to start."""

    key: str
    job_id: str
    attempt: int
    directory: str
    environment: dict[str, str]
    argv: list[str]
    stdout: str
    stderr: str
    grace_seconds: float
    kill_seconds: float  # after that long, what is left counts as unkillable
    tags: list[str]


class _NotStartedError(Exception):
    """The job's process could not become the job."""


def supervise(order: Order, control: Control, lock: int, report: int) -> None:
    """Run one attempt to its end and leave its outcome in the control directory.

    `report` is closed as soon as the job runs; if it cannot, the reason is written
    there first. The caller has blocked `STOP`, and exits when this returns.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {STOP, signal.SIGCHLD})
    sign(lock)
    adopt_orphans()
    name_process("job-supervisor")
    began = time.monotonic()
    try:
        family = _Family(*_start(order))
    except (_NotStartedError, OSError) as error:
        _publish(control, order, {"failure": "spawn_failed"})
        os.write(report, str(error).encode(errors="replace"))
        return
    os.close(report)
    stopped = family.follow(order["grace_seconds"])
    ended = time.monotonic()
    emptied = family.kill(order["kill_seconds"])
    outcome = family.outcome(wall_ms=round((ended - began) * 1000))
    outcome |= {"stopped": stopped, "failure": None if emptied else "unkillable"}
    _publish(control, order, outcome)


class _Family:
    """The first process of a job and all that descends from it."""

    def __init__(self, first: int, floor_kib: int) -> None:
        self._first = first
        self._floor_kib = floor_kib
        self._status: int | None = None
        self._user_seconds = 0.0
        self._system_seconds = 0.0
        self._max_rss_kib = 0

    def follow(self, grace_seconds: float) -> bool:
        """Return when the first process has ended; whether it was told to."""
        while self._status is None:
            received = signal.sigwait({STOP, signal.SIGCHLD})
            self._reap()
            if received == STOP and self._status is None:
                self._terminate(grace_seconds)
                return True
        return False

    def kill(self, seconds: float) -> bool:
        """Kill until nobody is left; return False if somebody still is, after all."""
        deadline = time.monotonic() + seconds
        # Who is killed leaves us its children: in the end all of them are ours.
        while self._reap():
            signal_children(signal.SIGKILL)
            if time.monotonic() >= deadline:
                return not self._reap()
            signal.sigtimedwait({signal.SIGCHLD}, _KILL_PAUSE_SECONDS)
        return True

    def outcome(self, *, wall_ms: int) -> dict[str, object]:
        """Return what is known about the end."""
        usage = {
            "wall_ms": wall_ms,
            "user_cpu_ms": round(self._user_seconds * 1000),
            "system_cpu_ms": round(self._system_seconds * 1000),
            "max_rss_kib": self._max_rss_kib,
        }
        if self._status is None:  # not even the first one could be killed
            return {"usage": usage}
        code = os.waitstatus_to_exitcode(self._status)
        ending = {"signal": -code} if code < 0 else {"exit_code": code}
        return {**ending, "usage": usage}

    def _terminate(self, grace_seconds: float) -> None:
        """Ask everybody within reach to end, and wait for it until the grace is over.

        Out of reach, and so without grace, is who left the group and still has a
        parent other than us.
        """
        deadline = time.monotonic() + grace_seconds
        for number in (signal.SIGTERM, signal.SIGCONT):
            # The first process is not reaped: the group's number is still its own.
            os.killpg(self._first, number)
            signal_children(number, spared={self._first})
        while self._reap() and (left := deadline - time.monotonic()) > 0:
            signal.sigtimedwait({signal.SIGCHLD}, left)

    def _reap(self) -> bool:
        """Collect those who have ended; return whether anybody is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._first:
                self._status = status
            self._user_seconds += usage.ru_utime
            self._system_seconds += usage.ru_stime
            # A process starts with the size of the fork that it was before its exec.
            if usage.ru_maxrss > self._floor_kib + _RSS_SLACK_KIB:
                self._max_rss_kib = max(self._max_rss_kib, usage.ru_maxrss)


def _start(order: Order) -> tuple[int, int]:
    """Return the job's first process and the size (KiB) that it had before its exec.

    Raises:
        _NotStartedError: it could not become the job; says why.
    """
    read, write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become_the_job(order, parent, write)
    os.close(write)
    with open(read, "rb") as file:  # noqa: PTH123 - there is no path
        floor, _, why = file.read().partition(b"\n")  # its end is the exec
    if why:
        os.waitpid(pid, 0)
        raise _NotStartedError(why.decode())
    return pid, int(floor or 0)


def _become_the_job(order: Order, parent: int, report: int) -> NoReturn:
    try:
        os.setsid()
        die_with_parent(signal.SIGKILL, parent)
        os.umask(0o022)
        os.chdir(order["directory"])
        _redirect(order["stdout"], order["stderr"])
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        argv = order["argv"]
        os.write(report, b"%d" % resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        os.execvpe(argv[0], argv, order["environment"])  # noqa: S606 - no shell is meant
    except BaseException as error:  # noqa: BLE001 - a fork must never return
        why = str(error) or repr(error)
        os.write(report, b"\n" + why.encode(errors="replace"))
    finally:
        os._exit(127)


def _redirect(stdout: str, stderr: str) -> None:
    # Appending: both may be the same file, and nobody overwrites another's line.
    captured = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    for target, path, flags in (
        (0, "/dev/null", os.O_RDONLY),
        (1, stdout, captured),
        (2, stderr, captured),
    ):
        # Only these three are inherited: Python opens all else close-on-exec.
        os.dup2(os.open(path, flags, 0o644), target)


def _publish(control: Control, order: Order, outcome: dict[str, object]) -> None:
    """Keep the outcome; a job that filled the disk must not take it along."""
    attempt = {"job_id": order["job_id"], "attempt": order["attempt"]}
    encoded = json.dumps(attempt | outcome).encode()
    while True:
        try:
            return control.publish(order["key"], encoded)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
        time.sleep(_DISK_FULL_PAUSE_SECONDS)
