"""Text that remembers how it was quoted, and what the shell makes of it: fields."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise, product
from typing import NamedTuple

from msgspec import Struct

UNKNOWN = "\0"  # stands for text that only running the script could tell
DECODED = "\1"  # the same, out of a decoder: what is hidden like this is not run
HOME = "/~"
_BREAK = "\2"  # between two fields of "$@"
_EMPTY = "\3"  # a pair of quotes with nothing in it is a field all the same
_OURS = str.maketrans(dict.fromkeys((UNKNOWN, DECODED, _BREAK, _EMPTY), "\ufffd"))
_MOST_BRACES = 64
_LONGEST_BRACED = 2_000
_RANGE = re.compile(r"([A-Za-z]|-?\d{1,4})\.\.([A-Za-z]|-?\d{1,4})", re.ASCII)
_ESCAPE = re.compile(
    r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|[0-7]{1,3}|c.|.)",
    re.DOTALL,
)
_NAMED = dict(zip("abeEfnrtv", "\a\b\x1b\x1b\f\n\r\t\v", strict=True))
_HIGHEST = 0x10FFFF


class Field(Struct, frozen=True):
    """One argument as the command gets it; `glob`: it is a pattern of file names."""

    text: str
    glob: bool = False


class Marked(NamedTuple):
    """Text and, for each character, where it is from.

    q: quoted; l: literal and unquoted; e: an unquoted expansion, which is split.
    """

    text: str = ""
    mask: str = ""

    def plus(self, other: "Marked") -> "Marked":
        """Return both, one after the other."""
        return Marked(self.text + other.text, self.mask + other.mask)

    def cut(self, start: int, end: int | None = None) -> "Marked":
        """Return a part."""
        return Marked(self.text[start:end], self.mask[start:end])


def clean(script: str) -> str:
    """Return a script without the characters that have a meaning of ours here.

    The shell ignores NUL, and so do we.
    """
    return script.replace("\0", "").translate(_OURS)


def quoted(*texts: str) -> Marked:
    """Return quoted text; several are several fields, as of "$@"."""
    text = _BREAK.join(each or _EMPTY for each in texts)
    return Marked(text, "q" * len(text))


def expanded(*texts: str) -> Marked:
    """Return the text of an unquoted expansion."""
    text = _BREAK.join(texts)
    return Marked(text, "e" * len(text))


def literal(source: str) -> Marked:
    r"""Return unquoted source text without its backslashes.

    >>> literal(r"r\m")
    Marked(text='rm', mask='lq')
    """
    pieces = re.findall(r"[^\\]+|\\.?", source, re.DOTALL)
    marked = [_unescaped(piece) for piece in pieces]
    return Marked(
        "".join(text for text, _ in marked), "".join(mask for _, mask in marked)
    )


def _unescaped(piece: str) -> Marked:
    if not piece.startswith("\\"):
        return Marked(piece, "l" * len(piece))
    escaped = piece[1:] or piece
    return Marked() if escaped == "\n" else Marked(escaped, "q")


def in_double_quotes(source: str) -> str:
    """Return the text between double quotes without its backslashes."""
    return re.sub(r"\\([$`\"\\])|\\\n", lambda found: found[1] or "", source)


def ansi_c(source: str) -> str:
    r"""Return what stands between the quotes of $'…'.

    >>> ansi_c(r"\x73udo")
    'sudo'
    """
    return _ESCAPE.sub(_unescape, source)


def _unescape(found: re.Match[str]) -> str:
    escape = found[1]
    if escape[0] in "xuU" and len(escape) > 1:
        code = int(escape[1:], 16)
        return clean(chr(code)) if code <= _HIGHEST else "\ufffd"
    if escape[0] in "01234567":
        return clean(chr(int(escape, 8) & 0xFF))
    if escape[0] == "c" and len(escape) > 1:
        return clean(chr(ord(escape[1]) & 0x1F))
    return _NAMED.get(escape, escape)


def fields(word: Marked, separators: str = " \t\n") -> Iterator[Field]:
    """Yield the fields of a word: braces and ~ expanded, split, quotes removed."""
    for each in _braces(word):
        yield from _split(_tilde(each), separators)


def plain(word: Marked) -> str:
    """Return a word that is not split: the value of an assignment."""
    text = _tilde(word).text.replace(_EMPTY, "")
    return text.replace(_BREAK, " ")


def _tilde(word: Marked) -> Marked:
    if not word.text.startswith("~") or word.mask[0] != "l":
        return word
    end = (word.text + "/").index("/")
    if set(word.mask[:end]) != {"l"}:
        return word
    home = {"~": HOME, "~root": "/root"}.get(word.text[:end], HOME + word.text[1:end])
    return quoted(home).plus(word.cut(end))


def _split(word: Marked, separators: str) -> Iterator[Field]:
    start = 0
    for index, (character, mark) in enumerate(zip(*word, strict=True)):
        if character == _BREAK or (mark == "e" and character in separators):
            yield from _field(word.cut(start, index))
            start = index + 1
    yield from _field(word.cut(start))


def _field(word: Marked) -> Iterator[Field]:
    if word.text:
        glob = any(
            character in "*?[" and mark != "q"
            for character, mark in zip(*word, strict=True)
        )
        yield Field(word.text.replace(_EMPTY, ""), glob)


def _braces(word: Marked) -> Iterator[Marked]:
    if "{" not in word.text or len(word.text) > _LONGEST_BRACED:
        return iter((word,))
    return islice(_brace_expanded(word), _MOST_BRACES)


def _brace_expanded(word: Marked) -> Iterator[Marked]:
    for start in range(len(word.text)):
        if word.text[start] == "{" and word.mask[start] == "l":
            end, commas = _closing(word, start)
            options = _options(word, start, end, commas)
            if options:
                rests = [*_braces(word.cut(end + 1))]
                inner = (each for option in options for each in _braces(option))
                for one, rest in product(inner, rests):
                    yield word.cut(0, start).plus(one).plus(rest)
                return
    yield word


def _closing(word: Marked, start: int) -> tuple[int, list[int]]:
    """Return where a brace closes, and the commas that are its own."""
    depth = 0
    commas: list[int] = []
    for index in range(start, len(word.text)):
        if word.mask[index] != "l":
            continue
        character = word.text[index]
        depth += {"{": 1, "}": -1}.get(character, 0)
        if not depth:
            return index, commas
        if character == "," and depth == 1:
            commas.append(index)
    return -1, commas


def _options(word: Marked, start: int, end: int, commas: list[int]) -> list[Marked]:
    if end < 0:
        return []
    if commas:
        edges = [start, *commas, end]
        return [word.cut(one + 1, two) for one, two in pairwise(edges)]
    found = _RANGE.fullmatch(word.text[start + 1 : end])
    texts = _range(*found.groups()) if found else []
    return [Marked(each, "l" * len(each)) for each in texts]


def _range(first: str, last: str) -> list[str]:
    numeric = first.lstrip("-").isdigit() and last.lstrip("-").isdigit()
    if not numeric and (first.isdigit() or last.isdigit() or len(first + last) > 2):  # noqa: PLR2004 - two letters
        return []
    one, two = (int(first), int(last)) if numeric else (ord(first), ord(last))
    step = 1 if one <= two else -1
    codes = range(one, two + step, step)[:_MOST_BRACES]
    return [str(code) if numeric else chr(code) for code in codes]
