"""`ops/settings.md` documents every key: names, types and defaults as in the code."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo

from orchestrator.cli.settings import SECTIONS
from orchestrator.cli.settings_schema import ServiceSettings
from orchestrator.cli.settings_value import describe

DOCUMENT = Path(__file__).parents[3] / "ops" / "settings.md"


def test_every_key_is_documented_with_its_type_default_and_meaning() -> None:
    rows = {
        line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")
    }

    assert rows == set(rows_of_the_code())


def test_every_section_has_a_heading() -> None:
    text = DOCUMENT.read_text()

    assert all(
        f"## `[{section}]`" in text for section in (*SECTIONS, "services.<name>")
    )


def rows_of_the_code() -> Iterator[str]:
    for section, kind in {**SECTIONS, "services.<name>": ServiceSettings}.items():
        yield from rows_of(section, kind)


def rows_of(section: str, kind: type[Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        key = f"{section}.{field.name}"
        yield f"| `{key}` | {describe(field.type)} | {default(field)} | {meaning(field)} |"


def default(field: FieldInfo) -> str:
    if field.default is msgspec.NODEFAULT:
        return "`{}`"
    if field.default is None:
        return "unset"
    return f"`{msgspec.json.encode(field.default, enc_hook=str).decode()}`"


def meaning(field: FieldInfo) -> str:
    [text] = (
        meta.description
        for meta in get_args(field.type)
        if isinstance(meta, Meta) and meta.description
    )
    return text
