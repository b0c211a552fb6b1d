"""Where a local store receives files: swept of what a crash left, one file at a time.

Each open store has a directory of its own here and holds a lock on it, so that what
is not locked is a leftover.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.errors import StorageFullError
from orchestrator.files.port import Staged

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Stage:
    """A locked directory for files that have no key yet; it lives with its store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        parent = root / "stage"
        parent.mkdir(parents=True, exist_ok=True)
        parent_fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Held while looking, so that nobody sweeps what is not locked yet.
            fcntl.flock(parent_fd, fcntl.LOCK_EX)
            _sweep(parent)
            self.directory = Path(tempfile.mkdtemp(dir=parent))
            self._lock = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        finally:
            os.close(parent_fd)

    def path(self, staged: Staged) -> Path:
        """Return where a staged file lies.

        Raises:
            ValueError: the id was not made here.
        """
        if Path(staged.stage_id).name != staged.stage_id:
            raise ValueError(f"{staged.stage_id!r} is not the id of a staged file")
        return self.directory / staged.stage_id

    def close(self) -> None:
        """Remove what is still staged; may be called twice."""
        if self._lock >= 0:
            shutil.rmtree(self.directory, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


class StageFile:
    """One file being received; every call blocks on the disk."""

    def __init__(self, stage: Stage, *, reserve_bytes: int) -> None:
        self._root = str(stage.root)
        self._reserve_bytes = reserve_bytes
        self._size = 0
        self._sha256 = hashlib.sha256()
        with storage_full_as_error(self._root):
            self._fd, self._path = tempfile.mkstemp(dir=stage.directory)

    def write(self, block: bytearray) -> None:
        """Append a block, as long as the reserve stays free.

        Raises:
            StorageFullError: the disk is full, or nearly so.
        """
        if _free_bytes(self._fd) < self._reserve_bytes + len(block):
            raise StorageFullError(directory=self._root)
        self._sha256.update(block)
        self._size += len(block)
        view = memoryview(block)
        with storage_full_as_error(self._root):
            while view:
                view = view[os.write(self._fd, view) :]

    def finish(self) -> Staged:
        """Return what was received; nothing is flushed yet."""
        self._close()
        return Staged(
            stage_id=Path(self._path).name,
            size=self._size,
            sha256=self._sha256.hexdigest(),
        )

    def abandon(self) -> None:
        """Leave nothing behind; may be called at any time."""
        self._close()
        with suppress(FileNotFoundError):
            Path(self._path).unlink()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@contextmanager
def storage_full_as_error(directory: str) -> Generator[None]:
    """Turn the errors of a full disk, or a used-up quota, into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError(directory=directory) from error
        raise


def _free_bytes(fd: int) -> int:
    status = os.fstatvfs(fd)
    return status.f_bavail * status.f_frsize


def _sweep(parent: Path) -> None:
    for leftover in parent.iterdir():
        if not leftover.is_dir():
            leftover.unlink()
        elif _is_abandoned(leftover):
            shutil.rmtree(leftover)


def _is_abandoned(directory: Path) -> bool:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True
