"""A server that is killed while it writes."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from projections.rebuild import rebuild
from tests.integration.fold_until_killed import LENGTH, SEED
from tests.unit.projections.folding import contents, log_of, projecting
from tests.unit.projections.histories import folded, seeded

MESSAGES = folded(seeded(SEED, LENGTH))


def fold_and_kill(path: Path, at_position: int) -> None:
    """Let a process fold; kill -9 it once so much is on disk."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.fold_until_killed", path],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if int(line) >= at_position:
                    break
        finally:
            process.kill()
    assert process.returncode == -9


@pytest.mark.timeout(120)
async def test_rows_after_two_kills_are_those_of_a_rebuild(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    for position in (300, 900):
        fold_and_kill(path, position)
        with duckdb.connect(path) as connection:
            found = connection.execute(
                "SELECT max(position), count(*), (SELECT min(position) FROM checkpoint)"
                " FROM events"
            ).fetchone()
        assert found is not None
        last, events, checkpoint = found
        assert position <= last == events == checkpoint < LENGTH
    async with projecting(path) as projector:
        await projector.fold(MESSAGES)
    await rebuild(await log_of(MESSAGES), tmp_path / "rebuilt")
    live, rebuilt = contents(path), contents(tmp_path / "rebuilt")
    # The killed process had no log that it could have asked when it was created.
    assert [row[:4] for row in live.pop("checkpoint")] == [
        row[:4] for row in rebuilt.pop("checkpoint")
    ]
    assert live == rebuilt
