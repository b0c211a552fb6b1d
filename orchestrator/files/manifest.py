"""What an archive of results holds, what was left out of it, and why."""

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

from orchestrator.errors import ManifestMalformedError

type EntryKind = Literal["file", "symlink", "directory"]


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the archive; directories appear only where they are empty."""

    path: str
    kind: EntryKind = "file"
    size: int  # bytes; of a link, the length of its target
    sha256: str  # of the content; of a link, of its target
    mode: int
    mtime_ns: int
    target: str | None = None


class Omission(Struct, frozen=True, kw_only=True):
    """Something in the work directory that the archive does not hold."""

    path: str
    reason: str


class Renaming(Struct, frozen=True, kw_only=True):
    """Something that the archive holds under another name."""

    path: str
    stored_as: str
    reason: str


class Manifest(Struct, frozen=True, kw_only=True):
    """An archive's content; `size` and `sha256` are those of the archive itself."""

    size: int  # bytes
    sha256: str
    entries: tuple[Entry, ...]
    omitted: tuple[Omission, ...] = ()
    renamed: tuple[Renaming, ...] = ()

    def encode(self) -> bytes:
        """Return the one JSON text of this manifest."""
        return msgspec.json.encode(self)

    def digest(self) -> str:
        """Return the sha256 of `encode`: it names the results in the log."""
        return hashlib.sha256(self.encode()).hexdigest()


def decode_manifest(data: bytes) -> Manifest:
    """Return the manifest that `encode` made.

    Raises:
        ManifestMalformedError: it is something else.
    """
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestMalformedError(why=str(error)) from error


def manifest_digest(data: bytes) -> str:
    """Return the digest of an encoded manifest as it was sent."""
    return hashlib.sha256(data).hexdigest()
