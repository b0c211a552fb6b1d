"""Walking a directory that somebody else's program has filled, believing nothing.

Every name is looked up in its directory's descriptor, never through a link, and only
a regular file is ever opened: a FIFO would block, a device may act.
"""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from orchestrator.files.manifest import Omission, Renaming
from orchestrator.files.stored_names import shown, stored_names

_DEEPEST = 128  # each level holds a descriptor open
_SPECIAL = {
    stat.S_IFIFO: "is a FIFO",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}


class FoundFile(Struct, frozen=True):
    """A regular file; open it before asking for the next find."""

    stored_as: str
    name: str
    directory_fd: int | None  # None: `name` is a whole path


class FoundLink(Struct, frozen=True):
    """A symbolic link that stays inside; its target is relative."""

    stored_as: str
    target: bytes
    status: os.stat_result


class FoundEmptyDirectory(Struct, frozen=True):
    """A directory with nothing in it."""

    stored_as: str
    status: os.stat_result


type Find = FoundFile | FoundLink | FoundEmptyDirectory | Omission | Renaming


class UnreadableError(Exception):
    """A file cannot be archived; the text says why."""


def walk(directory: Path, captured: dict[str, Path], without: Path) -> Iterator[Find]:
    """Yield all there is in a directory, sorted by the bytes of the paths as stored.

    `captured` files join the top level, under their keys: the directory's own of
    these names get ".user" appended. The file `without` is passed over.

    Raises:
        OSError: the directory itself cannot be read.
    """
    walker = _Walker(directory.resolve(), without.stat())
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield from walker.level(_Place(fd, "", ""), captured)
    finally:
        os.close(fd)


@contextmanager
def opened(found: FoundFile) -> Generator[tuple[int, os.stat_result]]:
    """Open a regular file for reading; give its descriptor and status.

    Raises:
        UnreadableError: it is gone, forbidden, or no longer a regular file.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(found.name, flags, dir_fd=found.directory_fd)
    except OSError as error:
        raise UnreadableError(reason(error)) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("changed while it was read")
        yield fd, status
    finally:
        os.close(fd)


def reason(error: OSError) -> str:
    """Return why something is left out, in words."""
    if isinstance(error, FileNotFoundError):
        return "vanished"
    return f"cannot be read: {error.strerror or error}"


class _Place(Struct, frozen=True):
    """An open directory; both paths end in a slash, or are empty."""

    fd: int
    path: str
    stored_path: str


class _Child(Struct, frozen=True):
    name: str
    stored_as: str
    status: os.stat_result | None  # None: a captured file

    def order(self) -> bytes:
        """Return what sorts siblings as their paths, and those below, will be."""
        is_directory = self.status and stat.S_ISDIR(self.status.st_mode)
        return (
            f"{self.stored_as}/".encode() if is_directory else self.stored_as.encode()
        )


def _look_up(fd: int, name: str, stored_as: str) -> _Child | Omission:
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError as error:
        return Omission(path=stored_as, reason=reason(error))
    return _Child(name, stored_as, status)


class _Walker:
    def __init__(self, root: Path, without: os.stat_result) -> None:
        self._root = root
        self._without = (without.st_dev, without.st_ino)

    def level(self, place: _Place, captured: dict[str, Path]) -> Iterator[Find]:
        """Yield what is in one open directory, and below it."""
        names = sorted(os.listdir(place.fd))  # noqa: PTH208 - pathlib knows no descriptor
        if place.path and not names:
            stored_as = place.stored_path.removesuffix("/")
            yield FoundEmptyDirectory(stored_as, os.fstat(place.fd))
        children = [
            _Child(os.fspath(path), name, None) for name, path in captured.items()
        ]
        for name, (stored_name, why) in stored_names(names, captured).items():
            stored_as = place.stored_path + stored_name
            if why:
                path = shown(place.path + name)
                yield Renaming(path=path, stored_as=stored_as, reason=why)
            found = _look_up(place.fd, name, stored_as)
            if isinstance(found, Omission):
                yield found
            else:
                children.append(found)
        for child in sorted(children, key=_Child.order):
            yield from self._child(place, child)

    def _child(self, place: _Place, child: _Child) -> Iterator[Find]:
        status = child.status
        if status is None:
            yield FoundFile(child.stored_as, child.name, None)
        elif stat.S_ISREG(status.st_mode):
            if (status.st_dev, status.st_ino) != self._without:
                yield FoundFile(child.stored_as, child.name, place.fd)
        elif stat.S_ISLNK(status.st_mode):
            yield self._link(place, child, status)
        elif stat.S_ISDIR(status.st_mode):
            yield from self._directory(place, child)
        else:
            kind = _SPECIAL.get(stat.S_IFMT(status.st_mode), "is no file")
            yield Omission(path=child.stored_as, reason=kind)

    def _directory(self, place: _Place, child: _Child) -> Iterator[Find]:
        if place.path.count("/") >= _DEEPEST:
            yield Omission(path=child.stored_as, reason="is nested too deep")
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            fd = os.open(child.name, flags, dir_fd=place.fd)
        except OSError as error:
            yield Omission(path=child.stored_as, reason=reason(error))
            return
        try:
            below = _Place(fd, f"{place.path}{child.name}/", f"{child.stored_as}/")
            yield from self.level(below, {})
        finally:
            os.close(fd)

    def _link(self, place: _Place, child: _Child, status: os.stat_result) -> Find:
        try:
            target = Path(os.readlink(child.name, dir_fd=place.fd))
        except OSError as error:
            return Omission(path=child.stored_as, reason=reason(error))
        parent = self._root / place.path
        end = Path(os.path.realpath(parent / target))
        if not end.is_relative_to(self._root):
            return Omission(path=child.stored_as, reason="is a link that leads out")
        if target.is_absolute() or _leaves(place.path, target):
            # It ends inside, but its way there is good on this machine only.
            target = end.relative_to(parent, walk_up=True)
        return FoundLink(child.stored_as, os.fsencode(target), status)


def _leaves(path: str, target: Path) -> bool:
    """Return whether a relative target climbs above the top, read as text."""
    depth = path.count("/")
    for part in target.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False
