"""A lock on a file that ends with its holder: closing it, or dying, lets go.

Standard library only: the client's spawner takes one too.
"""

import fcntl
import os
from pathlib import Path


def try_lock(path: Path) -> int | None:
    """Return a lock that is held while it stays open; None if another has it.

    The file is made where there is none; its directory is not.

    Raises:
        OSError: it cannot be opened.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
