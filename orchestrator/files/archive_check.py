"""Whether an archive holds exactly what its manifest says."""

import hashlib
import stat
from pathlib import Path
from typing import IO
from zipfile import ZipFile, ZipInfo

from orchestrator.errors import ArchiveMismatchError
from orchestrator.files.manifest import Entry, Manifest
from orchestrator.files.zip_entries import DAMAGE

_READ_BYTES = 1 << 20
_TYPES = {
    "file": stat.S_IFREG,
    "symlink": stat.S_IFLNK,
    "directory": stat.S_IFDIR,
}


def check_archive(archive: Path | IO[bytes], manifest: Manifest) -> None:
    """Read a whole archive, from a path or a seekable file, and compare everything.

    Raises:
        ArchiveMismatchError: the first difference, and at which entry it is.
    """
    if isinstance(archive, Path):
        with archive.open("rb") as file:
            check_archive(file, manifest)
        return
    label = str(getattr(archive, "name", "archive"))
    _check_whole(archive, manifest, label)
    try:
        with ZipFile(archive) as opened:
            _check_entries(opened, manifest)
    except DAMAGE as error:
        raise ArchiveMismatchError(path=label, why=f"is damaged: {error}") from error


def _check_whole(archive: IO[bytes], manifest: Manifest, label: str) -> None:
    archive.seek(0)
    digest, size = _digest(archive)
    if size != manifest.size:
        why = f"has {size} bytes where the manifest says {manifest.size}"
        raise ArchiveMismatchError(path=label, why=why)
    if digest != manifest.sha256:
        why = f"has sha256 {digest} where the manifest says {manifest.sha256}"
        raise ArchiveMismatchError(path=label, why=why)


def _check_entries(archive: ZipFile, manifest: Manifest) -> None:
    found = {info.filename.removesuffix("/"): info for info in archive.infolist()}
    expected = {entry.path: entry for entry in manifest.entries}
    for path in sorted(found.keys() - expected.keys()):
        raise ArchiveMismatchError(path=path, why="is not in the manifest")
    if len(found) != len(archive.infolist()):
        raise ArchiveMismatchError(path="archive", why="has a name twice")
    for path, entry in expected.items():
        if path not in found:
            raise ArchiveMismatchError(path=path, why="is not in the archive")
        _check_entry(archive, found[path], entry)


def _check_entry(archive: ZipFile, info: ZipInfo, entry: Entry) -> None:
    if info.external_attr >> 16 != _TYPES[entry.kind] | entry.mode:
        raise ArchiveMismatchError(path=entry.path, why="has another type or mode")
    with archive.open(info) as content:
        digest, size = _digest(content)
    if size != entry.size or digest != entry.sha256:
        raise ArchiveMismatchError(path=entry.path, why="has another content")


def _digest(file: IO[bytes]) -> tuple[str, int]:
    sha256, size = hashlib.sha256(), 0
    while block := file.read(_READ_BYTES):
        sha256.update(block)
        size += len(block)
    return sha256.hexdigest(), size
