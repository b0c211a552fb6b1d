"""A multipart form in pieces: which part is a file, and what each is called.

The parser is the `multipart` library's. Names are taken from the header as sent: the
library cuts what looks like a Windows path and undoes quoting that nobody meant.
"""

import re
import unicodedata
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import cast

from msgspec import Struct
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from orchestrator.errors import UploadMalformedError, UploadTooLargeError

_HEADER_BYTES = 4096
_BOUNDARY_LENGTH = 256
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"([^"]*)"|([^;"]*))')


class FileBegins(Struct, frozen=True):
    """A part with a filename, safe to use as one."""

    name: str


class FieldBegins(Struct, frozen=True):
    """A part without a filename."""

    name: str


class PartEnds(Struct, frozen=True):
    """The part that began last is complete."""


type FormEvent = FileBegins | FieldBegins | PartEnds | bytes


class MultipartForm:
    """Turns a body, in pieces of any size, into what its parts are and hold."""

    def __init__(self, content_type: str) -> None:
        """Begin a body of this Content-Type.

        Raises:
            UploadMalformedError: it is not multipart, or names no boundary.
        """
        self._parser = PushMultipartParser(
            _boundary(content_type),
            max_header_size=_HEADER_BYTES,
        )

    def feed(self, chunk: bytes) -> Iterator[FormEvent]:
        """Yield what the next piece completes; use all of it before the next call.

        Raises:
            UploadMalformedError: this is not a well-formed body.
            UploadTooLargeError: a header of a part is too long.
        """
        if not chunk:  # to the parser this means the end
            return
        with _refusals():
            for found in self._parser.parse(chunk):
                yield _event(found)

    def finish(self) -> None:
        """Note that nothing follows.

        Raises:
            UploadMalformedError: the last boundary has not come.
        """
        with _refusals():
            self._parser.close()


def file_name(sent: str) -> str:
    r"""Return the name under which a file of this `filename` is kept.

    >>> file_name("C:\\in\\a b.pdb"), file_name("../../etc/passwd"), file_name("..")
    ('C:\\in\\a b.pdb', 'passwd', 'file')
    """
    name = PurePosixPath(sent).name
    return "file" if name in {"", ".", ".."} else name


def _boundary(content_type: str) -> str:
    kind, options = cast(
        "tuple[str, dict[str, str]]", parse_options_header(content_type)
    )
    if kind != "multipart/form-data":
        raise UploadMalformedError(why="it is not multipart/form-data")
    boundary = options.get("boundary", "")
    if not 0 < len(boundary) <= _BOUNDARY_LENGTH or not boundary.isprintable():
        raise UploadMalformedError(why="its Content-Type has no usable boundary")
    return boundary


def _event(found: MultipartSegment | bytes | None) -> FormEvent:
    if found is None:
        return PartEnds()
    if isinstance(found, bytes):
        return found
    for name, value in found.headerlist:
        if _has_control_characters(value):
            raise UploadMalformedError(why=f"a part's {name} has control characters")
    parameters = _parameters(found.headerlist)
    if "filename" in parameters:
        return FileBegins(file_name(parameters["filename"]))
    return FieldBegins(parameters.get("name", ""))


def _parameters(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Return what stands between the quotes, untouched; the first of a name counts."""
    disposition = dict(headers)["Content-Disposition"]
    found: dict[str, str] = {}
    for key, quoted, plain in _PARAMETER.findall(disposition):
        found.setdefault(key.lower(), quoted or plain.strip())
    return found


def _has_control_characters(text: str) -> bool:
    return any(unicodedata.category(char) == "Cc" for char in text)


@contextmanager
def _refusals() -> Generator[None]:
    try:
        yield
    except ParserLimitReached as error:
        raise UploadTooLargeError(what="part header", limit=_HEADER_BYTES) from error
    except MultipartError as error:
        raise UploadMalformedError(why=str(error)) from error
