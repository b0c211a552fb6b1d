"""What Linux offers about processes and Python has no call for."""

import ctypes
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Have the kernel send a signal when the parent ends; end now if it has."""
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def name_process(name: str) -> None:
    """Show a name of at most 15 bytes in the process list."""
    _prctl(_PR_SET_NAME, ctypes.create_string_buffer(name.encode()))


def _children() -> list[int]:
    """Return the direct children of this single-threaded process, zombies too."""
    own = os.getpid()
    try:
        listed = Path(f"/proc/{own}/task/{own}/children").read_bytes()
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return [pid for pid in _processes() if _parent(pid) == own]
    return [int(pid) for pid in listed.split()]


def signal_children(number: signal.Signals, spared: Iterable[int] = ()) -> bool:
    """Signal the direct children but those spared; return whether there was any.

    No pid is mistaken: a child's is not given away before its parent has reaped it.
    """
    meant = set(_children()).difference(spared)
    for pid in meant:
        # Not permitted: a setuid program under another user. The caller's
        # deadline says so in the end.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return bool(meant)


def kill_tagged(tags: Iterable[str]) -> bool:
    """Kill every process that carries one of these environment entries.

    Returns whether there was any.
    """
    entries = {os.fsencode(tag) for tag in tags}
    killed = [pid for pid in _processes() if _kill_if_tagged(pid, entries)]
    return bool(killed)


def _kill_if_tagged(pid: int, entries: set[bytes]) -> bool:
    # The pidfd comes first: what it names cannot change while we look.
    with suppress(OSError):
        pidfd = os.pidfd_open(pid)
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            if entries.isdisjoint(environment.split(b"\0")):
                return False
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)
        return True
    return False


def _processes() -> list[int]:
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()
    ]


def _parent(pid: int) -> int | None:
    with suppress(OSError):
        # The command's name, in brackets, may itself hold spaces and brackets.
        _, _, rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")
        return int(rest.split()[1])
    return None


def _prctl(option: int, argument: object) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
