"""Putting a small file on disk so that it is there, whole, after a power loss."""

import os
from pathlib import Path

_PART = ".part"


def write_durably(path: Path, content: bytes) -> None:
    """Make or replace a file; on return it survives a crash, before that it is absent.

    Raises:
        OSError: it could not be written.
    """
    part = path.with_name(path.name + _PART)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make a directory's entries survive a crash."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(directory: Path) -> None:
    """Remove what a crash left half written."""
    for part in directory.glob(f"*{_PART}"):
        part.unlink(missing_ok=True)
