"""Collecting a work directory into one zip that is the same for the same files."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from orchestrator.files.manifest import (
    Entry,
    EntryKind,
    Manifest,
    Omission,
    Renaming,
)
from orchestrator.files.work_directory import (
    FoundEmptyDirectory,
    FoundFile,
    FoundLink,
    UnreadableError,
    opened,
    reason,
    walk,
)
from orchestrator.files.zip_entries import entry_info, withdraw

_READ_BYTES = 1 << 20


def collect(
    directory: Path,
    stdout: Path | None,
    stderr: Path | None,
    target: Path,
) -> Manifest:
    """Write everything in a directory, and the captured output, to a zip.

    Return what it holds and what it leaves out: nothing is missing without a reason.
    The same names, contents, modes and times give the same bytes. The target may lie
    in the directory; it is replaced, and removed again if this raises.

    Raises:
        OSError: the directory cannot be read, or the target not written.
    """
    given = {"stdout": stdout, "stderr": stderr}
    captured = {name: path.absolute() for name, path in given.items() if path}
    try:
        with ZipFile(target, "w") as archive:
            collection = _Collection(archive)
            for find in walk(directory, captured, target):
                collection.add(find)
        return collection.manifest(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _Collection:
    """An archive that is being filled, and its manifest's rows so far."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._entries: list[Entry] = []
        self._omitted: list[Omission] = []
        self._renamed: list[Renaming] = []

    def add(
        self,
        find: FoundFile | FoundLink | FoundEmptyDirectory | Omission | Renaming,
    ) -> None:
        """Take one find of the walk, into the archive or among the remarks."""
        match find:
            case FoundFile():
                self._add_file(find)
            case FoundLink(stored_as, target, status):
                info = _info(stored_as, status)
                self._add_small(info, "symlink", stored_as, status, target)
            case FoundEmptyDirectory(stored_as, status):
                info = _info(f"{stored_as}/", status)
                self._add_small(info, "directory", stored_as, status, b"")
            case Omission():
                self._omitted.append(find)
            case Renaming():
                self._renamed.append(find)

    def manifest(self, target: Path) -> Manifest:
        """Return the manifest of the finished archive."""
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        return Manifest(
            size=size,
            sha256=digest,
            entries=tuple(self._entries),
            omitted=tuple(self._omitted),
            renamed=tuple(self._renamed),
        )

    def _add_file(self, found: FoundFile) -> None:
        try:
            with opened(found) as (fd, status):
                self._copy(found.stored_as, fd, status)
        except UnreadableError as error:
            withdraw(self._archive, found.stored_as)
            self._omitted.append(Omission(path=found.stored_as, reason=str(error)))

    def _copy(self, stored_as: str, fd: int, status: os.stat_result) -> None:
        info = _info(stored_as, status)
        sha256, size = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=True) as entry:
            for block in _blocks(fd, status.st_size):
                sha256.update(block)
                size += len(block)
                entry.write(block)
        self._entries.append(
            Entry(
                path=stored_as,
                size=size,
                sha256=sha256.hexdigest(),
                mode=_mode(status),
                mtime_ns=status.st_mtime_ns,
            ),
        )

    def _add_small(
        self,
        info: ZipInfo,
        kind: EntryKind,
        path: str,
        status: os.stat_result,
        content: bytes,
    ) -> None:
        with self._archive.open(info, "w", force_zip64=True) as entry:
            entry.write(content)
        is_link = kind == "symlink"
        self._entries.append(
            Entry(
                path=path,
                kind=kind,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                mode=_mode(status),
                mtime_ns=status.st_mtime_ns,
                target=content.decode("utf-8", "backslashreplace") if is_link else None,
            ),
        )


def _blocks(fd: int, size: int) -> Iterator[bytes]:
    """Yield a file's bytes up to its size when opened: a growing one has an end.

    Raises:
        UnreadableError: the disk, or a file system of the user's, gave an error.
    """
    while size > 0:
        try:
            block = os.read(fd, min(size, _READ_BYTES))
        except OSError as error:
            raise UnreadableError(reason(error)) from error
        if not block:
            return
        size -= len(block)
        yield block


def _info(name: str, status: os.stat_result) -> ZipInfo:
    is_file = stat.S_ISREG(status.st_mode)
    return entry_info(
        name,
        mode=stat.S_IFMT(status.st_mode) | _mode(status),
        mtime_ns=status.st_mtime_ns,
        compression=ZIP_DEFLATED if is_file else ZIP_STORED,
    )


def _mode(status: os.stat_result) -> int:
    return stat.S_IMODE(status.st_mode) & 0o777
