"""Cutting the script, or lines of it, out of a stored bundle."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from orchestrator.domain.ids import BundleId, ServiceName
from orchestrator.errors import FileMissingError
from orchestrator.files.bundle import bundle_bytes
from orchestrator.files.bundled_script import read_script, snippets
from orchestrator.files.port import input_key
from orchestrator.files.script_check import BundledScript, ScriptCheck
from orchestrator.files.script_policy import ScriptPolicy
from orchestrator.files.store import LocalFileStore

KEY = input_key(BundleId("b1"))
ECHO = ServiceName("echo")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalFileStore]:
    store = LocalFileStore(tmp_path)
    yield store
    store.close()


async def put(store: LocalFileStore, **files: bytes) -> None:
    staged = await store.stage(bundle_bytes(each_of(files)))
    await store.commit(staged, KEY)


async def each_of(
    files: Mapping[str, bytes],
) -> AsyncGenerator[tuple[str, AsyncIterator[bytes]]]:
    for name, content in files.items():
        yield name, one(content)


async def one(content: bytes) -> AsyncGenerator[bytes]:
    yield content


async def lines(store: LocalFileStore, *wanted: int) -> Mapping[int | None, str]:
    return await snippets(store, KEY, {*wanted})


async def test_the_script_is_read_from_among_large_files(
    store: LocalFileStore,
) -> None:
    await put(store, **{"a": b"a" * 3_000_000, "run.sh": b"echo\n", "z": b"z" * 70_000})

    assert await read_script(store, KEY, 100) == b"echo\n"
    assert await read_script(store, KEY, 3) == b"ech"


async def test_a_bundle_without_a_script_has_none(store: LocalFileStore) -> None:
    await put(store, other=b"x")

    assert await read_script(store, KEY, 100) is None
    assert await lines(store, 1) == {}


async def test_what_is_not_stored_is_missed(store: LocalFileStore) -> None:
    with pytest.raises(FileMissingError):
        await read_script(store, KEY, 100)
    assert await lines(store, 1) == {}


async def test_lines_are_cut_out_trimmed_and_made_printable(
    store: LocalFileStore,
) -> None:
    await put(store, **{"run.sh": b"one\n  two\t\xff\x07\r\n\nfour"})

    found = await lines(store, 2, 3, 4, 5)

    assert found == {2: "two \ufffd\ufffd", 3: "", 4: "four"}


async def test_of_a_long_line_the_beginning_is_shown(store: LocalFileStore) -> None:
    await put(store, **{"run.sh": b"x" * 200_000 + b"\nlast\n"})

    found = await lines(store, 1, 2)

    assert found == {1: "x" * 200 + " …", 2: "last"}


async def test_a_script_that_was_judged_is_not_read_again(
    store: LocalFileStore,
) -> None:
    check = ScriptCheck({ECHO: ScriptPolicy()})
    script = BundledScript(key=KEY, sha256="ab")
    await put(store, **{"run.sh": b"sudo id\n"})
    first = await check.verdict(store, ECHO, script)
    await store.delete(KEY)

    again = await check.verdict(store, ECHO, script)

    assert first.violation is not None
    assert again == first
