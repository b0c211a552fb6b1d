"""The small process that forks a supervisor an attempt, and outlives the agent.

A fork is quick from a small process and slow from a large one. Standard library only.
Runs as `python -I -S`; says on its standard output when it serves, and closes that.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TypedDict, cast

from clients.executors.control import Control
from clients.executors.linux import (
    adopt_orphans,
    die_with_parent,
    name_process,
    signal_children,
)
from clients.executors.supervisor import STOP, Order, supervise
from orchestrator.file_lock import try_lock

SOCKET = "spawner.sock"
LOCK = "spawner.lock"
CONTROL = "control"
_BACKLOG = 1024
_CLOSING_PAUSE_SECONDS = 0.02
# For orphans that cannot be killed; supervisors keep to a deadline of their own.
_CLOSING_SECONDS = 5.0


def main(directory: str, idle_seconds: str) -> None:
    """Serve a directory, unless another process does already: then say nothing."""
    os.umask(0o077)
    os.chdir(directory)  # a relative path always fits into a socket's address
    if try_lock(Path(LOCK)) is None:
        return
    listener = _listen()
    name_process("job-spawner")
    _say_ready()
    _restore_signals()
    adopt_orphans()
    # What is here now stays: a collection would copy its pages into each fork.
    gc.freeze()
    Spawner(listener, idle_seconds=float(idle_seconds)).serve()


class _Hello(TypedDict):
    stop_with_agent: bool


class _Request(TypedDict, total=False):
    hello: _Hello
    start: Order


class Spawner:
    """Waits for its agent's wishes and its supervisors' ends."""

    def __init__(self, listener: socket.socket, *, idle_seconds: float) -> None:
        self._listener = listener
        self._idle_seconds = idle_seconds
        self._control = Control(Path(CONTROL))
        self._selector = selectors.DefaultSelector()
        self._connections: set[_Connection] = set()
        self._agent: _Connection | None = None
        self._stop_with_agent = False
        self._supervisors: set[int] = set()
        self._last_needed = time.monotonic()
        self._finished = False

    def serve(self) -> None:
        """Return when nobody needs a spawner here any more."""
        wakeup = _wakeup_on_child()
        self._watch(self._listener.fileno(), self._accept)
        self._watch(wakeup, lambda: os.read(wakeup, 4096) and self._reap())
        while not self._finished:
            needed = self._is_needed()
            for ready, _ in self._selector.select(self._idle_seconds):
                cast("Callable[[], object]", ready.data)()
            if needed or self._is_needed():
                self._last_needed = time.monotonic()
            elif time.monotonic() - self._last_needed >= self._idle_seconds:
                self._finished = True
        Path(SOCKET).unlink(missing_ok=True)
        self._listener.close()
        if self._stop_with_agent:
            self._stop_everything()

    def _is_needed(self) -> bool:
        return self._agent is not None or bool(self._supervisors)

    def _stop_everything(self) -> None:
        for pid in self._supervisors:
            os.kill(pid, STOP)
        for key in self._control.held():  # also those of a spawner before us
            self._control.stop(key)
        deadline = time.monotonic() + _CLOSING_SECONDS
        while self._reap() and (self._supervisors or time.monotonic() < deadline):
            time.sleep(_CLOSING_PAUSE_SECONDS)

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            accepted, _ = self._listener.accept()
            connection = _Connection(accepted)
            self._connections.add(connection)
            self._watch(accepted.fileno(), lambda: self._receive(connection))

    def _receive(self, connection: "_Connection") -> None:
        if connection not in self._connections:
            return None  # dropped a moment ago, by what became ready before it
        try:
            request = connection.receive()
        except (EOFError, ConnectionError, ValueError):
            return self._drop(connection)
        return self._handle(connection, request) if request else None

    def _handle(self, connection: "_Connection", request: _Request) -> None:
        if hello := request.get("hello"):
            self._greet(connection, stop_with_agent=hello["stop_with_agent"])
        elif order := request.get("start"):
            self._start(connection, order)

    def _greet(self, connection: "_Connection", *, stop_with_agent: bool) -> None:
        # Whatever an agent before this one asked and did not get is void.
        self._agent = connection
        self._stop_with_agent = stop_with_agent
        for other in self._connections - {connection}:
            self._drop(other)
        connection.reply({"pid": os.getpid()})

    def _drop(self, connection: "_Connection") -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.fileno())
        connection.close()
        if connection is self._agent:
            self._agent = None
            self._finished = self._stop_with_agent

    def _start(self, connection: "_Connection", order: Order) -> None:
        if self._control.holds(order["key"]):
            return connection.reply({})
        try:
            report = self._claim_and_fork(order)
        except OSError as error:
            self._control.forget(order["key"])
            return connection.reply({"failure": str(error)})
        return self._watch(report, lambda: self._started(connection, report))

    def _started(self, connection: "_Connection", report: int) -> None:
        why = os.read(report, 65536).decode(errors="replace")
        self._selector.unregister(report)
        os.close(report)
        if connection in self._connections:
            connection.reply({"failure": why} if why else {})

    def _claim_and_fork(self, order: Order) -> int:
        """Start a supervisor; return where it says why the job did not start."""
        lock = self._control.claim(order["key"], order["tags"])
        try:
            return self._fork(order, lock)
        finally:
            os.close(lock)  # it is the supervisor's alone

    def _fork(self, order: Order, lock: int) -> int:
        read, write = os.pipe()
        spawner = os.getpid()
        # A stop may come before the supervisor is ready for it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {STOP})
        try:
            pid = os.fork()
            if pid == 0:
                self._become_a_supervisor(order, lock, write, spawner)
        except OSError:
            os.close(read)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(write)
        self._supervisors.add(pid)
        return read

    def _become_a_supervisor(
        self,
        order: Order,
        lock: int,
        report: int,
        spawner: int,
    ) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            _close_all_but({lock, report})
            if self._stop_with_agent:
                die_with_parent(STOP, spawner)
            supervise(order, self._control, lock, report)
        except BaseException as error:  # noqa: BLE001 - a fork must never return
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            os._exit(0)

    def _reap(self) -> bool:
        """Collect supervisors, kill what one left; return whether anybody is left."""
        with suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._supervisors.discard(pid)
            signal_children(signal.SIGKILL, spared=self._supervisors)
            return True
        return False

    def _watch(self, fd: int, callback: Callable[[], object]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, callback)


class _Connection:
    """One agent's socket; a message is a line of JSON."""

    def __init__(self, accepted: socket.socket) -> None:
        accepted.settimeout(0)
        self._socket = accepted
        self._received = bytearray()
        self.fileno = accepted.fileno
        self.close = accepted.close

    def receive(self) -> _Request | None:
        """Return the next request; None if it is not complete yet.

        Raises:
            EOFError, ConnectionError: the agent has gone.
            ValueError: it does not speak as we do.
        """
        with suppress(BlockingIOError):
            data = self._socket.recv(65536)
            if not data:
                raise EOFError
            self._received += data
        if not self._received.endswith(b"\n"):
            return None
        request = bytes(self._received)
        self._received.clear()
        return cast("_Request", json.loads(request))

    def reply(self, message: dict[str, object]) -> None:
        """Send an answer; to one who has gone, nothing."""
        with suppress(OSError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")


def _say_ready() -> None:
    os.write(sys.stdout.fileno(), b"\n")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _listen() -> socket.socket:
    Path(SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(SOCKET)
    listener.listen(_BACKLOG)
    listener.settimeout(0)
    return listener


def _wakeup_on_child() -> int:
    """Return what becomes readable when a child has ended."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _ignore)
    return read


def _ignore(_number: int, _frame: object) -> None:
    """Exist: only what has a handler wakes us up."""


def _restore_signals() -> None:
    """Undo what the agent ignored or blocked: jobs would inherit it."""
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _close_all_but(kept: set[int]) -> None:
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))
