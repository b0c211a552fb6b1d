"""Flushing the names of files, and of the directories that they lie in.

A name is durable once its directory was flushed, and that one's name in turn. Each
flush waits for the disk, so what is known to be durable is not flushed again.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

_REMEMBERED = 4_096


def flush(path: Path) -> None:
    """Make a file's content, or a directory's names, survive a power loss."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class DurableNames:
    """Knows directories under a root whose own names are durable; threads share it.

    By inode, so that one which was made anew is another. Of very many, the oldest are
    forgotten, and flushed once more.
    """

    def __init__(self, root: Path, flush: Callable[[Path], None] = flush) -> None:
        self._root = root
        self._flush = flush
        self._known: OrderedDict[Path, int] = OrderedDict()
        self._lock = Lock()

    def flush(self, directory: Path) -> None:
        """Make the names in a directory durable, and its own."""
        self._flush(directory)
        named: list[tuple[Path, int]] = []
        # What is known ends it: those above were durable before it.
        while directory != self._root and not self._knows(directory):
            named.append((directory, directory.stat().st_ino))
            directory = directory.parent
            self._flush(directory)
        self._remember(named)

    def _knows(self, directory: Path) -> bool:
        inode = directory.stat().st_ino
        with self._lock:
            return self._known.get(directory) == inode

    def _remember(self, named: list[tuple[Path, int]]) -> None:
        with self._lock:
            for directory, inode in named:
                self._known[directory] = inode
                self._known.move_to_end(directory)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
