"""Whether an upload's `run.sh` is text at all, told as its bytes go by."""

import codecs

from orchestrator.domain.events import Violation

SCRIPT = "run.sh"
SCRIPT_LIMIT_BYTES = 20 << 20


class ScriptReader:
    """Takes a script in pieces, and holds none of them."""

    def __init__(self, *, limit_bytes: int = SCRIPT_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._size = 0
        self._line = 1
        self._bad_line: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        self._size += len(chunk)
        if self._size <= self._limit_bytes:
            self._decode(chunk)

    def verdict(self) -> Violation | None:
        """Return what is wrong with the script that has ended here, if anything."""
        if self._size > self._limit_bytes:
            return Violation(rule="too-large")
        self._decode(b"", final=True)
        if self._bad_line is not None:
            return Violation(rule="not-utf8", line=self._bad_line)
        return None

    def _decode(self, chunk: bytes, *, final: bool = False) -> None:
        if self._bad_line is not None:
            return
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            # What the decoder had kept back is part of a character: no line's end.
            before = error.object[: error.start].count(b"\n")
            self._bad_line = self._line + before
        else:
            self._line += chunk.count(b"\n")


def missing_script() -> Violation:
    """Return the verdict on an upload without a script."""
    return Violation(rule="missing-run-sh")
