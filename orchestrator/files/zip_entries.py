"""Entries of our archives: which names are safe, how one is written and withdrawn."""

import time
import zlib
from struct import pack
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

# What zipfile raises for damage, encryption and methods that it does not know.
DAMAGE = (BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error)

_NS_PER_SECOND = 1_000_000_000
_EXTENDED_TIMESTAMP = 0x5455
_MTIME_PRESENT = 1
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_LATEST = (2107, 12, 31, 23, 59, 58)


def why_unsafe(name: str) -> str | None:
    """Return what is wrong with an entry's name, if it would leave its directory.

    >>> why_unsafe("../x"), why_unsafe("a/b")
    ('has .. in its path', None)
    """
    parts = name.split("/")
    if not name or name == "." or "\0" in name:
        return "has no usable name"
    if not parts[0]:
        return "has an absolute path"
    if ".." in parts:
        return "has .. in its path"
    return None


def entry_info(
    name: str,
    *,
    mode: int,
    mtime_ns: int | None = None,
    compression: int = ZIP_STORED,
) -> ZipInfo:
    """Return an entry whose header depends on nothing but these arguments.

    `mode` has the file's type in it. Without a time it is dated 1980.
    """
    info = ZipInfo(name, _dos_time(mtime_ns))
    info.create_system = 3
    info.compress_type = compression
    info.external_attr = mode << 16
    if mtime_ns is not None:
        info.extra = _extended_timestamp(mtime_ns)
    return info


def withdraw(archive: ZipFile, name: str) -> None:
    """Leave an entry out of the directory at the archive's end; its bytes stay."""
    if found := archive.NameToInfo.pop(name, None):
        archive.filelist.remove(found)


def _dos_time(mtime_ns: int | None) -> tuple[int, int, int, int, int, int]:
    if mtime_ns is None or mtime_ns < 0:
        return _EARLIEST
    # Beyond 2107 the format cannot say; stop there before gmtime gives up as well.
    moment = time.gmtime(min(mtime_ns // _NS_PER_SECOND, 1 << 33))
    when = (*moment[:5], moment.tm_sec)
    return min(max(when, _EARLIEST), _LATEST)


def _extended_timestamp(mtime_ns: int) -> bytes:
    """Return the UT field: seconds in UTC, where DOS time has steps of two."""
    seconds = mtime_ns // _NS_PER_SECOND
    if not -(1 << 31) <= seconds < 1 << 31:
        return b""
    return pack("<HHBi", _EXTENDED_TIMESTAMP, 5, _MTIME_PRESENT, seconds)
