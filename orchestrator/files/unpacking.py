"""Unpacking a bundle so that nothing lands outside its directory."""

import errno
import os
import shutil
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from orchestrator.errors import BundleBrokenError, BundleUnsafeError
from orchestrator.files.zip_entries import DAMAGE, why_unsafe

_COPY_BYTES = 1 << 20
_CLASHES = (errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)


def unpack_bundle(path: Path, directory: Path) -> tuple[str, ...]:
    """Unpack a zip into a directory, which is made; return the names of its entries.

    Modes become 0644 or 0755. What is there already is not overwritten.

    Raises:
        BundleUnsafeError: a name or a link leaves the directory, or clashes with
            another, or the entry is neither file nor directory nor link.
        BundleBrokenError: it is not a zip, or damaged.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _damage_as_error(path), ZipFile(path) as archive:
        entries = list(archive.NameToInfo.values())
        for entry in entries:
            _refuse_unsafe(entry)
        for entry in entries:
            if not _is_link(entry):
                _unpack_plain(archive, entry, directory)
        _unpack_links(archive, filter(_is_link, entries), directory)
    return tuple(entry.filename for entry in entries)


def _refuse_unsafe(entry: ZipInfo) -> None:
    # zipfile cuts a name at its first NUL: judge what the archive really says.
    if why := why_unsafe(entry.orig_filename):
        raise BundleUnsafeError(name=entry.orig_filename, why=why)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}:
        why = "is neither file nor directory nor link"
        raise BundleUnsafeError(name=entry.filename, why=why)


def _is_link(entry: ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _unpack_plain(archive: ZipFile, entry: ZipInfo, directory: Path) -> None:
    target = directory / entry.filename
    with _clash_as_error(entry):
        if entry.is_dir():
            _make_directory(directory, target)
            return
        _make_directory(directory, target.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        fd = os.open(target, flags, 0o600)
    with os.fdopen(fd, "wb") as file, archive.open(entry) as content:
        shutil.copyfileobj(content, file, _COPY_BYTES)
        os.fchmod(fd, 0o755 if entry.external_attr >> 16 & 0o111 else 0o644)


def _make_directory(root: Path, directory: Path) -> None:
    """Make a directory below the root, following no link on the way."""
    if directory == root:
        return
    _make_directory(root, directory.parent)
    try:
        directory.mkdir(mode=0o755)
    except FileExistsError:
        if directory.is_symlink() or not directory.is_dir():
            raise


def _unpack_links(archive: ZipFile, links: Iterator[ZipInfo], directory: Path) -> None:
    """Make the links last, so that nothing is written through one.

    Only together do they show where each leads: judged at the end, removed if any
    leads out.
    """
    made: list[tuple[ZipInfo, Path]] = []
    root = directory.resolve()
    try:
        for entry in links:
            with _clash_as_error(entry):
                _make_directory(directory, (directory / entry.filename).parent)
                link = directory / entry.filename
                link.symlink_to(os.fsdecode(archive.read(entry)))
            made.append((entry, link))
        for entry, link in made:
            _refuse_escape(entry, link, root)
    except BaseException:
        for _, link in made:
            link.unlink(missing_ok=True)
        raise


def _refuse_escape(entry: ZipInfo, link: Path, root: Path) -> None:
    target = link.readlink()
    end = Path(os.path.realpath(link))
    if target.is_absolute() or not end.is_relative_to(root):
        raise BundleUnsafeError(name=entry.filename, why="is a link that leads out")


@contextmanager
def _clash_as_error(entry: ZipInfo) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _CLASHES:
            raise
        why = "clashes with another name"
        raise BundleUnsafeError(name=entry.filename, why=why) from error


@contextmanager
def _damage_as_error(path: Path) -> Generator[None]:
    try:
        yield
    except DAMAGE as error:
        raise BundleBrokenError(path=str(path), why=str(error)) from error
