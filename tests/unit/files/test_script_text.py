"""Which scripts can be run at all: text, and not too much of it."""

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain.events import Violation
from orchestrator.files.script_text import ScriptReader, missing_script


def verdict(*pieces: bytes, limit: int = 1000) -> Violation | None:
    reader = ScriptReader(limit_bytes=limit)
    for piece in pieces:
        reader.feed(piece)
    return reader.verdict()


@pytest.mark.parametrize("script", [b"", b"echo hi\n", "é\n€\n😀".encode(), b"\0"])
def test_text_is_fine(script: bytes) -> None:
    assert verdict(script) is None


@pytest.mark.parametrize(
    ("script", "line"),
    [
        (b"\xff", 1),
        (b"a\nb\n\xff\n", 3),
        (b"a\nb\xe2\x82", 2),  # ends within a character
        (b"a\n\xe2\x82\nb", 2),
        (b"\xed\xa0\x80", 1),  # half of a surrogate pair
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_line(
    script: bytes, line: int
) -> None:
    assert verdict(script) == Violation(rule="not-utf8", line=line)


def test_a_script_may_reach_the_limit_but_not_pass_it() -> None:
    assert verdict(b"x" * 1000) is None
    assert verdict(b"x" * 600, b"x" * 401) == Violation(rule="too-large")


def test_too_large_is_the_verdict_whatever_else_is_wrong() -> None:
    assert verdict(b"\xff", b"x" * 1000) == Violation(rule="too-large")


@given(st.lists(st.binary(max_size=9)))
def test_the_verdict_does_not_depend_on_how_the_script_is_cut(
    pieces: list[bytes],
) -> None:
    assert verdict(*pieces, limit=20) == verdict(b"".join(pieces), limit=20)


def test_a_missing_script_is_a_violation_too() -> None:
    assert missing_script() == Violation(rule="missing-run-sh")
