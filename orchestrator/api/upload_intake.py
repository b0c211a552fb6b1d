"""What an upload turns into, byte by byte: a bundle, text fields, a verdict, a digest.

No I/O: bytes in, bytes out, and however the body is cut, the outcome is the same.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import assert_never

import msgspec
from msgspec import Struct

from orchestrator.api.multipart_form import (
    FieldBegins,
    FileBegins,
    FormEvent,
    MultipartForm,
    PartEnds,
)
from orchestrator.domain.events import Violation
from orchestrator.errors import UploadMalformedError, UploadTooLargeError
from orchestrator.files.bundle import BundleWriter
from orchestrator.files.script_text import SCRIPT, ScriptReader, missing_script

# Given the text fields so far, the most bytes that the body may have.
type BodyLimit = Callable[[Mapping[str, str]], int]


class UploadLimits(Struct, frozen=True, kw_only=True):
    """What an upload may cost us."""

    body_bytes: int = 400 << 20
    files: int = 10_000
    name_bytes: int = 255
    text_bytes: int = 64 << 10
    text_fields: int = 100
    pause_seconds: float = 30
    total_seconds: float = 900


class Received(Struct, frozen=True, kw_only=True):
    """What a complete upload said, apart from its bytes."""

    fields: dict[str, str]
    names: tuple[str, ...]
    script: Violation | None  # why `run.sh` cannot be run
    script_sha256: str | None
    digest: str  # of names, contents and fields: the same upload has the same


class UploadIntake:
    """One upload in the making."""

    def __init__(
        self,
        content_type: str,
        limits: UploadLimits,
        body_limit: BodyLimit | None = None,
    ) -> None:
        """Begin an upload; `body_limit` is asked again after each text field.

        Raises:
            UploadMalformedError: the Content-Type is not that of a multipart form.
        """
        self._form = MultipartForm(content_type)
        self._limits = limits
        self._limit_for = body_limit
        self._body_limit = limits.body_bytes
        self._body_bytes = 0
        self._bundle = BundleWriter()
        self._part: _File | _Field | None = None
        self._file_parts = 0
        self._field_parts = 0
        self._files: dict[str, _File] = {}
        self._fields: dict[str, str] = {}

    def feed(self, chunk: bytes) -> bytes:
        """Take the next piece of the body; return what it adds to the bundle.

        Raises:
            UploadMalformedError: the body is not well-formed.
            UploadTooLargeError: it passes a limit.
        """
        self._body_bytes += len(chunk)
        self._check_body()
        for event in self._form.feed(chunk):
            self._take(event)
        self._check_body()
        return self._bundle.take()

    def finish(self) -> bytes:
        """Take the end of the body; return the rest of the bundle.

        Raises:
            UploadMalformedError: the end came too early.
        """
        self._form.finish()
        self._bundle.finish()
        return self._bundle.take()

    def abandon(self) -> None:
        """Let go of what is half done; harmless after `finish`."""
        self._bundle.end()

    def received(self) -> Received:
        """Return what the upload said; ask after `finish`."""
        script = self._files.get(SCRIPT)
        return Received(
            fields=self._fields,
            names=tuple(self._files),
            script=script.verdict() if script else missing_script(),
            script_sha256=script.sha256() if script else None,
            digest=self._digest(),
        )

    def _take(self, event: FormEvent) -> None:
        match event:
            case FileBegins(name):
                self._begin_file(name)
            case FieldBegins(name):
                self._begin_field(name)
            case PartEnds():
                self._end_part()
            case bytes():
                if self._part is not None:
                    self._part.write(event)
            case _:
                assert_never(event)

    def _begin_file(self, name: str) -> None:
        self._file_parts += 1
        if self._file_parts > self._limits.files:
            limit = self._limits.files
            raise UploadTooLargeError(what="number of files", limit=limit, unit="files")
        if len(name.encode()) > self._limits.name_bytes:
            raise UploadTooLargeError(what="file name", limit=self._limits.name_bytes)
        self._part = _File(name, self._bundle)

    def _begin_field(self, name: str) -> None:
        self._field_parts += 1
        if self._field_parts > self._limits.text_fields:
            limit = self._limits.text_fields
            what = "number of text fields"
            raise UploadTooLargeError(what=what, limit=limit, unit="fields")
        self._part = _Field(name, self._limits.text_bytes)

    def _end_part(self) -> None:
        match self._part:
            case _File() as file:
                self._bundle.end()
                # The last of a name counts, and stands where the bundle has it.
                self._files.pop(file.name, None)
                self._files[file.name] = file
            case _Field() as field:
                self._fields[field.name] = field.text()
                if self._limit_for:
                    self._body_limit = self._limit_for(self._fields)
            case None:
                pass
        self._part = None

    def _check_body(self) -> None:
        if self._body_bytes > self._body_limit:
            raise UploadTooLargeError(what="body", limit=self._body_limit)

    def _digest(self) -> str:
        files = sorted((name, file.sha256()) for name, file in self._files.items())
        said = {"fields": sorted(self._fields.items()), "files": files}
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


class _File:
    """A file part: on its way into the bundle, hashed, and read if it is the script."""

    def __init__(self, name: str, bundle: BundleWriter) -> None:
        self.name = name
        self._bundle = bundle
        self._sha256 = hashlib.sha256()
        self._script = ScriptReader() if name == SCRIPT else None
        bundle.begin(name)

    def write(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        self._bundle.write(chunk)
        if self._script:
            self._script.feed(chunk)

    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def verdict(self) -> Violation | None:
        return self._script.verdict() if self._script else None


class _Field:
    """A text part, held up to a limit."""

    def __init__(self, name: str, limit: int) -> None:
        self.name = name
        self._limit = limit
        self._held = bytearray()

    def write(self, chunk: bytes) -> None:
        if len(self._held) + len(chunk) > self._limit:
            raise UploadTooLargeError(what=f"field {self.name!r}", limit=self._limit)
        self._held += chunk

    def text(self) -> str:
        """Return the text.

        Raises:
            UploadMalformedError: it is not UTF-8.
        """
        try:
            return self._held.decode()
        except UnicodeDecodeError as error:
            why = f"the field {self.name!r} is not UTF-8"
            raise UploadMalformedError(why=why) from error
