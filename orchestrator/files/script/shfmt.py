"""Asking shfmt for a script's syntax tree, within limits that a hostile script meets.

Linux only: the script goes in through memory, and the limits are set from outside.
"""

import os
import re
import resource
import selectors
import shutil
import subprocess
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from orchestrator.errors import ScriptParserMissingError, ScriptUnparsedError
from orchestrator.files.script.tree import Node

_CPU_SECONDS = 2
_MEMORY_BYTES = 512 << 20
_WALL_SECONDS = 20  # a machine so busy that 2 s of CPU take longer cannot judge
_TREE_BYTES = 24 << 20  # a tree is some 200 times the script; data in it adds little
_CHUNK_BYTES = 1 << 18
_SYNTAX_ERROR = re.compile(rb"(?:<standard input>:)?(\d+):[\d?]+: ")


class _File(Struct, rename="pascal"):
    stmts: list[msgspec.Raw] = []


_file = msgspec.json.Decoder(_File)
_statement = msgspec.json.Decoder(Node)


def parse(script: str) -> tuple[Node, ...]:
    """Return a script's statements; blocks for some milliseconds, at most for 20 s.

    Raises:
        ScriptUnparsedError: it is no shell script, or costs more than the limits.
        ScriptParserMissingError: shfmt is not installed.
    """
    try:
        # One statement after the other, so that other threads have their turn.
        file = _file.decode(_tree(script))
        return tuple(_statement.decode(statement) for statement in file.stmts)
    except (RecursionError, MemoryError, msgspec.DecodeError) as error:
        raise ScriptUnparsedError(line=None) from error


@cache
def shfmt_path() -> str:
    """Return where the parser is.

    Raises:
        ScriptParserMissingError: it is not installed.
    """
    try:
        files = distribution("shfmt-py").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate())).resolve()
        if file.name == "shfmt" and os.access(path, os.X_OK):
            return str(path)
    if found := shutil.which("shfmt"):
        return found
    raise ScriptParserMissingError


def _tree(script: str) -> bytes:
    with _in_memory(script) as source:
        command = [shfmt_path(), "--to-json", "-ln", "bash"]
        with subprocess.Popen(  # noqa: S603 - no shell, no argument of a user's
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"GOMAXPROCS": "1"},
        ) as process:
            try:
                _limit(process.pid)
                output = _read(process)
            finally:
                process.kill()
    if process.returncode:
        found = _SYNTAX_ERROR.match(output)
        raise ScriptUnparsedError(line=int(found[1]) if found else None)
    return output


def _in_memory(script: str) -> IO[bytes]:
    source = os.fdopen(os.memfd_create("script"), "w+b")
    source.write(script.encode())
    source.seek(0)
    return source


def _limit(pid: int) -> None:
    # What it used before this counts too. RLIMIT_AS would count address space that Go
    # only reserves, more than half a gigabyte; this counts what can be written.
    limits = (
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_DATA, _MEMORY_BYTES),
    )
    for kind, most in limits:
        try:
            resource.prlimit(pid, kind, (most, most))
        except ProcessLookupError:  # a short script is already parsed
            return


def _read(process: subprocess.Popen[bytes]) -> bytes:
    """Return all that it writes, and wait for its end.

    Raises:
        ScriptUnparsedError: that is too much, or takes too long.
    """
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    deadline = time.monotonic() + _WALL_SECONDS
    pieces: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(deadline - time.monotonic()):
            piece = os.read(process.stdout.fileno(), _CHUNK_BYTES)
            if not piece:
                process.wait()
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
            if size > _TREE_BYTES:
                break
    raise ScriptUnparsedError(line=None)
