"""The text of a manifest: one for each content, and read back as it was."""

import hashlib

import pytest
from hypothesis import given, strategies as st

from orchestrator.errors import ManifestMalformedError
from orchestrator.files.manifest import (
    Entry,
    Manifest,
    Omission,
    Renaming,
    decode_manifest,
    manifest_digest,
)

ENTRY = Entry(path="out.txt", size=3, sha256="ab", mode=0o644, mtime_ns=1)
LINK = Entry(
    path="l",
    kind="symlink",
    size=7,
    sha256="cd",
    mode=0o777,
    mtime_ns=2,
    target="out.txt",
)
MANIFEST = Manifest(
    size=10,
    sha256="ef",
    entries=(ENTRY, LINK),
    omitted=(Omission(path="pipe", reason="is a FIFO"),),
    renamed=(Renaming(path="stdout", stored_as="stdout.user", reason="taken"),),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_its_text_is_pinned() -> None:
    assert MANIFEST.encode() == (
        b'{"size":10,"sha256":"ef","entries":['
        b'{"path":"out.txt","size":3,"sha256":"ab","mode":420,"mtime_ns":1},'
        b'{"path":"l","kind":"symlink","size":7,"sha256":"cd","mode":511,"mtime_ns":2,'
        b'"target":"out.txt"}],'
        b'"omitted":[{"path":"pipe","reason":"is a FIFO"}],'
        b'"renamed":[{"path":"stdout","stored_as":"stdout.user","reason":"taken"}]}'
    )


def test_its_digest_is_that_of_its_text() -> None:
    text = MANIFEST.encode()
    assert MANIFEST.digest() == hashlib.sha256(text).hexdigest()
    assert manifest_digest(text) == MANIFEST.digest()


@given(st.lists(st.builds(Entry, path=TEXT, target=st.none() | TEXT), max_size=4))
def test_it_reads_back_as_it_was(entries: list[Entry]) -> None:
    manifest = Manifest(size=1, sha256="x", entries=tuple(entries))
    again = decode_manifest(manifest.encode())
    assert again == manifest
    assert again.digest() == manifest.digest()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", MANIFEST.encode()[:-1]])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestMalformedError):
        decode_manifest(data)
