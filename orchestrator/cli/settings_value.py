"""One value of a setting: what it must be, in words, and its conversion."""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from orchestrator.cli.settings_schema import Secret
from orchestrator.errors import SettingError

_WORDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    Secret: "a text",
    tuple: "a list of texts",
    dict: "a table of texts",
}


def convert(value: object, kind: object, *, is_text: bool, where: str) -> object:
    """Return the value as the type that its key wants.

    `is_text`: the value is a string that may stand for a number, a list and so on.

    Raises:
        SettingError: it cannot be that; says what is needed.
    """
    if is_text and isinstance(value, str):
        value = _spread(value, _bare(kind))
    try:
        return msgspec.convert(
            value,
            cast("type[object]", kind),
            strict=not is_text,
            dec_hook=_decode,
        )
    except msgspec.ValidationError as error:
        seen = "" if _bare(kind) is Secret else f", not {_shown(value)}"
        raise SettingError(where=where, why=f"needs {describe(kind)}{seen}") from error


def describe(kind: object) -> str:
    """Return what a value of this type is, for a person.

    >>> describe(int), describe(Literal["always"] | None), describe(tuple[str, ...])
    ('a whole number', '"always"', 'a list of texts')
    """
    for meta in _metas(kind):
        if meta.extra:
            return str(meta.extra["needs"])
    bare = _bare(kind)
    if get_origin(bare) is Literal:
        return " or ".join(map(_shown, get_args(bare)))
    return _WORDS[get_origin(bare) or bare] + _bounds(kind)


def _bounds(kind: object) -> str:
    for meta in _metas(kind):
        if meta.ge is not None:
            top = "" if meta.le is None else f" to {meta.le}"
            return f" from {meta.ge}{top}"
    return ""


def _metas(kind: object) -> Iterator[Meta]:
    if get_origin(kind) in {Annotated, Union, UnionType}:
        for part in get_args(kind):
            yield from [part] if isinstance(part, Meta) else _metas(part)


def _bare(kind: object) -> object:
    """Return the type without its annotations and without `None`."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        [one] = (one for one in get_args(kind) if one is not NoneType)
        return _bare(one)
    return kind


def _spread(text: str, bare: object) -> object:
    """Return a list or table from its text: `a,b` or `A=1,B=2`; else the text."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if get_origin(bare) is tuple:
        return parts
    if get_origin(bare) is dict and all("=" in part for part in parts):
        pairs = (part.partition("=") for part in parts)
        return {name: value for name, _, value in pairs}
    return text


def _decode(kind: type, value: object) -> object:
    if isinstance(value, kind):  # an option, already parsed
        return value
    if not isinstance(value, str) or not value:
        raise ValueError(value)
    return kind(value)


def _shown(value: object) -> str:
    """Return a value as TOML writes it, shortened.

    >>> _shown(True), _shown("a"), _shown([1])
    ('true', '"a"', '[1]')
    """
    shown = msgspec.json.encode(value, enc_hook=str).decode()
    return shown if len(shown) < 40 else f"{shown[:36]} …"  # noqa: PLR2004 - one line
