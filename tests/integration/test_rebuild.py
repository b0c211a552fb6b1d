"""Read models made anew from the log."""

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.codec import decode
from orchestrator.errors import (
    ReadModelHeldError,
    ReadModelUnusableError,
    UndecodableEventError,
)
from orchestrator.event_log.jetstream import open_jetstream
from orchestrator.event_log.memory import MemoryLog
from orchestrator.event_log.port import Draft, EventLog
from projections.projector import Projector
from projections.rebuild import rebuild
from tests.nats_server import NatsServer
from tests.unit.projections.folding import contents, log_of, projecting
from tests.unit.projections.histories import folded, seeded

MESSAGES = folded(seeded(21, 2_500))


async def fold_live(log: EventLog, path: Path, *, every: int = 1) -> None:
    """Fold a log as a server does, with a flush after some of its batches."""
    async with projecting(path) as projector:
        end = (await projector.verify(log)).position
        batches: Any = log.follow(projector.position)
        async with aclosing(batches):
            while projector.position < end:
                batch = [
                    (one.position, decode(one.data, position=one.position), one.data)
                    for one in await anext(batches)
                ]
                for start in range(0, len(batch), every):
                    await projector.fold(batch[start : start + every])


def names_in(directory: Path) -> set[str]:
    return {one.name for one in directory.iterdir()}


async def test_a_rebuilt_file_has_the_rows_of_the_live_one(tmp_path: Path) -> None:
    log = await log_of(MESSAGES)
    await fold_live(log, tmp_path / "live", every=37)
    report = await rebuild(log, tmp_path / "rebuilt")
    assert contents(tmp_path / "rebuilt") == contents(tmp_path / "live")
    assert (report.events, report.position) == (2_500, 2_500)
    assert report.seconds > 0


@pytest.mark.integration
async def test_a_rebuild_from_jetstream_has_the_rows_of_the_live_fold(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    async with open_jetstream(nats_server.url, stream="REBUILD") as log:
        end = 0
        for start in range(0, len(MESSAGES), 1_000):
            drafts = [Draft("writer", data) for _, _, data in MESSAGES[start:][:1_000]]
            end = await log.append(drafts, expected=end)
        await fold_live(log, tmp_path / "live", every=100)
        await rebuild(log, tmp_path / "rebuilt")
        async with projecting(tmp_path / "rebuilt") as projector:
            assert (await projector.verify(log)).position == 2_500
        await log.connection.client.jetstream().delete_stream("REBUILD")
    assert contents(tmp_path / "rebuilt") == contents(tmp_path / "live")


async def test_a_rebuild_replaces_what_was_there_and_leaves_nothing_beside(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows"
    async with projecting(path) as projector:
        await projector.fold(folded(seeded(22, 500)))
    await rebuild(await log_of(MESSAGES), path)
    assert len(contents(path)["events"]) == 2_500
    assert names_in(tmp_path) == {"rows", "rows.lock"}


async def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"not a database" * 1_000)
    await rebuild(await log_of(MESSAGES), path)
    async with projecting(path) as projector:
        assert projector.position == 2_500


async def test_a_server_goes_on_from_a_rebuilt_file(tmp_path: Path) -> None:
    await rebuild(await log_of(MESSAGES[:1_000]), tmp_path / "rows")
    log = await log_of(MESSAGES)
    await fold_live(log, tmp_path / "rows")
    await fold_live(log, tmp_path / "live")
    assert contents(tmp_path / "rows") == contents(tmp_path / "live")


async def test_a_rebuild_refuses_while_a_server_holds_the_file(tmp_path: Path) -> None:
    async with projecting(tmp_path / "rows") as projector:
        await projector.fold(MESSAGES[:10])
        with pytest.raises(ReadModelHeldError, match="rows"):
            await rebuild(await log_of(MESSAGES), tmp_path / "rows")
    assert len(contents(tmp_path / "rows")["events"]) == 10


async def test_an_event_that_nobody_can_read_leaves_the_old_file_as_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows"
    async with projecting(path) as projector:
        await projector.fold(MESSAGES[:10])
    before = contents(path)
    log = await log_of(MESSAGES[:100])
    await log.append([Draft("writer", b'{"from": "the future"}')], expected=100)
    with pytest.raises(UndecodableEventError, match="position 101"):
        await rebuild(log, path)
    assert contents(path) == before
    assert names_in(tmp_path) == {"rows", "rows.lock"}


async def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    await rebuild(
        await log_of(MESSAGES),
        tmp_path / "rows",
        lambda done, end: told.append((done, end)),
    )
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (2_500, 2_500)


async def test_an_empty_log_gives_empty_read_models(tmp_path: Path) -> None:
    report = await rebuild(MemoryLog(), tmp_path / "rows")
    assert report.events == 0
    projector = await Projector.open(tmp_path / "rows")
    assert await projector.read_model.jobs() == []
    await projector.close()


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReadModelUnusableError, match="file/rows"):
        await rebuild(MemoryLog(), tmp_path / "file" / "rows")
