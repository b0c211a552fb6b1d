"""The manifest of an archive that another program made, so that it can be kept as is."""

import hashlib
import stat
from calendar import timegm
from pathlib import Path
from typing import IO
from zipfile import ZipFile, ZipInfo

from orchestrator.errors import ArchiveMismatchError
from orchestrator.files.manifest import Entry, Manifest
from orchestrator.files.zip_entries import DAMAGE, why_unsafe

_READ_BYTES = 1 << 20
_NS_PER_SECOND = 1_000_000_000
_BEGIN_OF_DOS_TIME = 315_532_800  # 1980


def describe_archive(path: Path) -> Manifest:
    """Return what a zip holds, having read all of it.

    Raises:
        ArchiveMismatchError: it is damaged, or has names that lead out or come twice.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        sha256, size = _digest(file)
        try:
            with ZipFile(file) as archive:
                entries = [_entry(archive, info) for info in archive.infolist()]
        except DAMAGE as error:
            why = f"is damaged: {error}"
            raise ArchiveMismatchError(path=path.name, why=why) from error
    if len({entry.path for entry in entries}) < len(entries):
        raise ArchiveMismatchError(path=path.name, why="has a name twice")
    return Manifest(size=size, sha256=sha256, entries=tuple(entries))


def _entry(archive: ZipFile, info: ZipInfo) -> Entry:
    if why := why_unsafe(info.filename):
        raise ArchiveMismatchError(path=info.filename, why=why)
    with archive.open(info) as content:
        sha256, size = _digest(content)
    return Entry(
        path=info.filename.removesuffix("/"),
        kind="directory" if info.is_dir() else "file",
        size=size,
        sha256=sha256,
        mode=stat.S_IMODE(info.external_attr >> 16),
        mtime_ns=_unix_seconds(info) * _NS_PER_SECOND,
    )


def _unix_seconds(info: ZipInfo) -> int:
    try:
        return timegm((*info.date_time, 0, 0, 0))
    except ValueError:  # the format has room for a month 0, and more
        return _BEGIN_OF_DOS_TIME


def _digest(file: IO[bytes]) -> tuple[str, int]:
    sha256, size = hashlib.sha256(), 0
    while block := file.read(_READ_BYTES):
        sha256.update(block)
        size += len(block)
    return sha256.hexdigest(), size
