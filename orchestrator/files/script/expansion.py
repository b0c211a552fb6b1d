"""What `${name…}` gives: the operations of the shell on a value that is known."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase, translate

from orchestrator.files.script.marked import DECODED, UNKNOWN
from orchestrator.files.script.paths import is_unknown
from orchestrator.files.script.scope import Scope, Value
from orchestrator.files.script.tree import Node, Replacement, Slice

type TextOf = Callable[[Node | None], str]

_UNKNOWABLE = frozenset({"?", "$", "!", "-", "_", "RANDOM", "SECONDS", "LINENO"})
# Patterns cost the square of the text, and more.
_LONGEST_MATCHED = 200
_LONGEST_PATTERN = 40


def expand(node: Node, scope: Scope, text_of: TextOf) -> Value:
    """Return the fields that a parameter expansion gives; most give one."""
    name = node.param.text if node.param else ""
    value = _indirect(node, scope) if node.excl else _value(name, node, scope, text_of)
    if node.length:
        return (str(len(value)) if value and _is_whole(node) else UNKNOWN,)
    if node.exp is not None:
        return _operated(name, value, node.exp, scope, text_of)
    if value is None:
        return (UNKNOWN,)
    if node.slice is not None:
        return _sliced(node, value, node.slice)
    if node.repl is not None:
        return tuple(_replaced(each, node.repl, text_of) for each in value)
    return value


def _is_whole(node: Node) -> bool:
    return node.index is not None and _index(node) in {"@", "*"}


def _index(node: Node) -> str:
    parts = node.index.parts if node.index else ()
    return parts[0].text if len(parts) == 1 else ""


def _value(name: str, node: Node, scope: Scope, text_of: TextOf) -> Value | None:
    special = _special(name, scope)
    if special is not None:
        return special
    value = scope.get(name)
    if value is None or node.index is None:
        return value[:1] or ("",) if value is not None else None
    if _is_whole(node):
        return value
    index = text_of(node.index)
    if not index.isdecimal() or len(index) > 4:  # noqa: PLR2004 - no array is longer
        return (UNKNOWN,)
    return value[int(index) : int(index) + 1] or ("",)


def _special(name: str, scope: Scope) -> Value | None:
    if name in {"@", "*"}:
        return scope.arguments
    if name == "#":
        return (str(len(scope.arguments)),)
    if name == "0":
        return ("run.sh",)
    if name.isdecimal():
        return scope.arguments[int(name[:4]) - 1 : int(name[:4])] or ("",)
    return (UNKNOWN,) if name in _UNKNOWABLE else None


def _indirect(node: Node, scope: Scope) -> Value | None:
    name = scope.get(node.param.text) if node.param and not node.index else None
    return scope.get(name[0]) if name else None


def _operated(
    name: str, value: Value | None, operation: Node, scope: Scope, text_of: TextOf
) -> Value:
    operator = operation.op
    if operator in {":-", "-", ":=", "=", ":+", "+", ":?", "?"}:
        return _with_default(name, value, operation, scope, text_of)
    if value is None:
        return (UNKNOWN,)
    match operator:
        case "#" | "##" | "%" | "%%":
            pattern = text_of(operation.word)
            return tuple(_trimmed(each, operator, pattern) for each in value)
        case "^" | "^^" | "," | ",,":
            return tuple(_cased(each, operator) for each in value)
        case _:
            return value


def _with_default(
    name: str, value: Value | None, operation: Node, scope: Scope, text_of: TextOf
) -> Value:
    is_set = value is not None and any(value)
    if operation.op in {":+", "+"}:
        # Not set here, it may come from the environment.
        return () if value is not None and not is_set else (text_of(operation.word),)
    if value is not None and is_set:
        return value
    if operation.op in {":?", "?"}:
        return value or (UNKNOWN,)
    default = text_of(operation.word)
    if operation.op in {":=", "="}:
        scope.set(name, [default])
    return (default,)


def _trimmed(text: str, operator: str, pattern: str) -> str:
    if not _is_matched(text, pattern):
        return _unmatched(text)
    lengths = range(len(text) + 1)
    if len(operator) > 1:
        lengths = reversed(lengths)
    for length in lengths:
        at_start = operator[0] == "#"
        part = text[:length] if at_start else text[len(text) - length :]
        if fnmatchcase(part, pattern):
            return text[length:] if at_start else text[: len(text) - length]
    return text


def _cased(text: str, operator: str) -> str:
    change = str.upper if operator[0] == "^" else str.lower
    return change(text) if len(operator) > 1 else change(text[:1]) + text[1:]


def _replaced(text: str, replacement: Replacement, text_of: TextOf) -> str:
    pattern, new = text_of(replacement.orig), text_of(replacement.with_)
    anchored = pattern[:1] in {"#", "%"} and not replacement.all
    if not pattern:
        return text
    if anchored or len(new) > _LONGEST_MATCHED or not _is_matched(text, pattern):
        return _unmatched(text)
    if not re.search(r"[*?\[\\]", pattern):
        return text.replace(pattern, new, -1 if replacement.all else 1)
    # fnmatch looks at the whole: without its anchor it finds a part.
    regex = translate(pattern).removesuffix(r"\Z").removesuffix(r"\z")
    return re.sub(regex, lambda _: new, text, count=0 if replacement.all else 1)


def _sliced(node: Node, value: Value, wanted: Slice) -> Value:
    start, length = _number(wanted.offset), _number(wanted.length)
    if start is None or (wanted.length is not None and length is None):
        return (UNKNOWN,)
    if _is_whole(node) or (node.param and node.param.text in {"@", "*"}):
        start = start - 1 if node.param and node.param.text in {"@", "*"} else start
        return value[max(start, 0) : None if length is None else start + length]
    return tuple(_part(each, start, length) for each in value)


def _part(text: str, start: int, length: int | None) -> str:
    start = start if start >= 0 else max(len(text) + start, 0)
    if length is None:
        part = text[start:]
    else:
        part = text[start : start + length if length >= 0 else length]
    # Behind what is not known, everything is at another place.
    return UNKNOWN if is_unknown(text[: start + len(part)]) else part


def _number(node: Node | None) -> int | None:
    match node:
        case Node(type="Word", parts=(Node(value=str(digits)),)):
            return int(digits) if digits.isdecimal() and len(digits) < 6 else None  # noqa: PLR2004 - no text is longer
        case Node(type="UnaryArithm", op="-", x=Node() as inner):
            number = _number(inner)
            return None if number is None else -number
        case Node(type="ParenArithm", x=Node() as inner):
            return _number(inner)
        case _:
            return None


def _is_matched(text: str, pattern: str) -> bool:
    return (
        len(text) <= _LONGEST_MATCHED
        and len(pattern) <= _LONGEST_PATTERN
        and not is_unknown(text)
        and not is_unknown(pattern)
    )


def _unmatched(text: str) -> str:
    return DECODED if DECODED in text else UNKNOWN
