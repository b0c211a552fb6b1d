"""The file of the read models: who may open it, and what is wrong with it."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestrator.errors import (
    ReadModelHeldError,
    ReadModelOutdatedError,
    ReadModelUnusableError,
)
from projections.projector import Projector
from projections.read_models.database import wal_of
from tests.unit.projections.folding import contents, projecting
from tests.unit.projections.histories import folded, seeded

MESSAGES = folded(seeded(5, 60))
HOLD = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_second_opener_is_told_which_file_and_what_to_do(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows"
    async with projecting(path):
        with pytest.raises(ReadModelHeldError, match=r"rows are held.*stop that"):
            await Projector.open(path)
    async with projecting(path):
        pass


async def test_any_other_program_that_holds_the_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    with subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ReadModelHeldError, match="rows"):
            await Projector.open(path)
        holder.kill()


async def test_a_damaged_file_is_named_and_can_be_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"not a database" * 1_000)
    with pytest.raises(ReadModelUnusableError, match="job-orchestrator rebuild"):
        await Projector.open(path)


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReadModelUnusableError, match="file/rows"):
        await Projector.open(tmp_path / "file" / "rows")


async def test_rows_of_other_projections_are_not_patched(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    async with projecting(path):
        pass
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE checkpoint SET name='jobs-v0' WHERE name='jobs-v2'")
    with pytest.raises(ReadModelOutdatedError, match=r"jobs-v0.*needed.*rebuild"):
        await Projector.open(path)


async def test_a_file_that_was_deleted_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    # What a killed server leaves beside the file, when somebody deletes only that.
    wal_of(path).write_bytes(b"what the old file had not taken in yet")
    async with projecting(path) as projector:
        assert projector.position == 0
        await projector.fold(MESSAGES)
    assert len(contents(path)["events"]) == 60
