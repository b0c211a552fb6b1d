"""What simple commands write, told without running them: `$(echo rm)`, `printf … | sh`.

Whatever is not among them writes UNKNOWN; behind a decoder it is DECODED.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from posixpath import basename, dirname
from typing import Protocol

from orchestrator.files.script.marked import DECODED, UNKNOWN, Field, ansi_c
from orchestrator.files.script.scope import Scope
from orchestrator.files.script.tree import Node

_DECODERS = frozenset(
    [
        "xxd",
        "od",
        "hexdump",
        "openssl",
        "rev",
        "tr",
        "uudecode",
        "gunzip",
        "zcat",
        "bzcat",
        "xzcat",
        "gpg",
    ]
)
_ENCODERS = frozenset(["base64", "base32", "basenc", "gzip", "bzip2", "xz"])
_DECODING = re.compile(r"-[A-Za-z]*[dD][A-Za-z0-9]*|--decode|--decompress")
_PASSING_ON = frozenset({"cat", "tee", "sort", "uniq", "tac"})
# What these print sets the shell up: nothing to worry about, and nothing to look at.
_SETTING_UP = {
    "conda": {"shell.bash", "shell.posix", "hook"},
    "mamba": {"shell", "shell.bash"},
    "micromamba": {"shell"},
    "pixi": {"shell-hook"},
    "spack": {"load", "unload", "env"},
    "modulecmd": {"bash", "sh"},
    "lmod": {"bash", "sh"},
    "dircolors": {"-b", "--sh", "--bourne-shell"},
}
_FORMAT = re.compile(r"%(-?\d*(?:\.\d+)?[sbdiq]|%)")
_LONGEST = 1 << 20


class Resolver(Protocol):
    """What this module asks of the words of a script."""

    scope: Scope

    def fields(self, words: Iterable[Node]) -> list[Field]:
        """Return the arguments that words become."""
        ...

    def stdin(self, redirections: Iterable[Node]) -> str | None:
        """Return the text that is fed in, if any is."""
        ...


def output_of(statements: Iterable[Node], words: Resolver, stdin: str = UNKNOWN) -> str:
    """Return what statements write, one after the other."""
    text = ""
    for statement in statements:
        text += _of_statement(statement, words, stdin)
        if len(text) > _LONGEST:
            return _taint(text)
    return text


def _of_statement(statement: Node, words: Resolver, stdin: str) -> str:
    command = statement.cmd
    fed = words.stdin(statement.redirs)
    stdin = stdin if fed is None else fed
    match command:
        case None:
            return ""
        case Node(type="CallExpr"):
            return _of_call(words.fields(command.args), words.scope, stdin)
        case Node(type="BinaryCmd", op="|" | "|&", x=Node() as one, y=Node() as two):
            return _of_statement(two, words, _of_statement(one, words, stdin))
        case Node(type="BinaryCmd", x=Node() as one, y=Node() as two):
            first = _of_statement(one, words, stdin)
            # After a `cd` of its own, `pwd` says something else.
            return first + (_of_statement(two, words, stdin) if first else UNKNOWN)
        case Node(type="Block" | "Subshell"):
            return output_of(command.stmts, words, stdin)
        case _:
            return _taint(stdin)


def _of_call(fields: Sequence[Field], scope: Scope, stdin: str) -> str:
    if not fields:
        return ""
    name, *arguments = [field.text for field in fields]
    operands = [each for each in arguments if not each.startswith("-")]
    match basename(name):
        case "echo":
            return _echo(arguments)
        case "printf":
            return printed(arguments)
        case "pwd":
            return scope.directory + "\n"
        case "which" | "command" | "type" if operands:
            return f"/usr/bin/{operands[0]}\n" if len(operands) == 1 else UNKNOWN
        case "dirname" if operands:
            return dirname(operands[0]) or "."
        case "basename" if len(operands) == 1:
            return basename(operands[0])
        case "realpath" | "readlink" if len(operands) == 1:
            return scope.resolve(operands[0])
        case "true" | ":":
            return ""
        case tool if _SETTING_UP.get(tool, set()) & {*arguments}:
            return ""
        case other:
            return _filtered(other, arguments, operands, stdin)


def _filtered(name: str, arguments: list[str], operands: list[str], stdin: str) -> str:
    decodes = any(_DECODING.fullmatch(each) for each in arguments)
    if name in _DECODERS or (name in _ENCODERS and decodes):
        return DECODED
    if name in _PASSING_ON and (not operands or name == "tee"):
        return stdin
    return _taint(stdin)


def _taint(stdin: str) -> str:
    return DECODED if DECODED in stdin else UNKNOWN


def _echo(arguments: list[str]) -> str:
    escapes = False
    while arguments and re.fullmatch(r"-[neE]+", arguments[0]):
        escapes = escapes or "e" in arguments[0]
        arguments = arguments[1:]
    text = " ".join(arguments)
    return (ansi_c(text) if escapes else text) + "\n"


def printed(arguments: Sequence[str]) -> str:
    r"""Return what printf writes.

    >>> printed(["%s%s ", "su", "do", "rm"]), printed([r"\x72m"])
    ('sudo rm ', 'rm')
    """
    arguments = [*arguments]
    if arguments[:1] == ["--"]:
        del arguments[0]
    if not arguments or arguments[0].startswith("-"):
        return UNKNOWN
    template, *values = arguments
    # \0nnn is printf's own way of writing \nnn.
    template = ansi_c(re.sub(r"\\0([0-7]{3})", r"\\\1", template))
    holes = sum(found[1] != "%" for found in _FORMAT.finditer(template))
    text = ""
    rest = values
    while True:
        part, rest = iter(rest[:holes]), rest[holes:]
        text += _FORMAT.sub(partial(_filled, part), template)
        if not rest or not holes or len(text) > _LONGEST:
            return text


def _filled(values: Iterator[str], hole: re.Match[str]) -> str:
    if hole[1] == "%":
        return "%"
    value = next(values, "")
    return ansi_c(value) if hole[1].endswith("b") else value
