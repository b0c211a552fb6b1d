"""The projector over a real DuckDB file."""

from pathlib import Path
from random import Random

import anyio
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from orchestrator.errors import LogLiedError, ReadModelUnusableError
from orchestrator.event_log.memory import MemoryLog
from projections.projector import Pace, Projector
from projections.read_models.batch import Batch
from projections.read_models.database import Database
from tests.fakes.databases import FullDatabase, GatedDatabase
from tests.unit.projections.folding import SWIFT, contents, log_of, projecting
from tests.unit.projections.histories import folded, history, seeded

MESSAGES = folded(seeded(5, 300))
# Flushes only when told to, or when the memory is full.
PATIENT = Pace(delay_seconds=60, messages=10_000, most_in_memory=10_000)


async def rows_after(path: Path, *parts: slice) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows after folding parts of a history, each in a start of its own."""
    for part in parts:
        async with projecting(path) as projector:
            await projector.fold(MESSAGES[part])
    return contents(path)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    strategies.randoms(use_true_random=False),
    strategies.lists(
        strategies.tuples(strategies.integers(1, 60), strategies.booleans())
    ),
)
def test_folding_in_any_batching_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory,
    random: Random,
    batches: list[tuple[int, bool]],
) -> None:
    messages = folded(history(random, 150))

    async def fold(path: Path, *batches: tuple[int, bool]) -> None:
        projector = await Projector.open(path, PATIENT)
        start = 0
        for size, flush in batches:
            await projector.fold(messages[start : start + size])
            start += size
            if flush:
                await projector.flush()
        await projector.close()

    directory = tmp_path_factory.mktemp("batching")
    anyio.run(fold, directory / "some", *batches, (150, True))
    anyio.run(fold, directory / "one", (150, True))
    assert contents(directory / "some") == contents(directory / "one")


async def test_the_rows_are_the_fold_of_the_log(tmp_path: Path) -> None:
    rows = await rows_after(tmp_path / "rows", slice(None))
    assert [row[0] for row in rows["events"]] == list(range(1, 301))
    assert [str(row[9]).encode() for row in rows["events"]] == [
        data for _, _, data in MESSAGES
    ]
    assert {row[1] for row in rows["checkpoint"]} == {300}
    assert rows["jobs"]
    assert rows["services"]
    assert rows["clients"]


async def test_a_start_goes_on_where_the_last_one_closed(tmp_path: Path) -> None:
    # The second start is handed messages again that the first one folded.
    parts = [slice(0, 120), slice(100, 200), slice(150, None)]
    assert await rows_after(tmp_path / "parts", *parts) == await rows_after(
        tmp_path / "whole", slice(None)
    )


async def test_a_flush_follows_without_being_asked(tmp_path: Path) -> None:
    async with projecting(tmp_path / "rows") as projector:
        await projector.fold(MESSAGES)
        with anyio.fail_after(10):
            while projector.flushed_position < 300:  # noqa: ASYNC110 - no event for it
                await anyio.sleep(0.001)


async def test_whoever_waits_for_a_position_wakes_when_it_is_folded(
    tmp_path: Path,
) -> None:
    async with projecting(tmp_path / "rows") as projector:
        answers: list[bool] = []

        async def wait() -> None:
            answers.append(await projector.reached(20, timeout_seconds=10))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            await projector.fold(MESSAGES[:10])
            assert answers == []
            await projector.fold(MESSAGES[10:20])
        assert answers == [True]


async def test_a_position_that_does_not_come_in_time_is_not_reached(
    tmp_path: Path,
) -> None:
    async with projecting(tmp_path / "rows") as projector:
        await projector.fold(MESSAGES[:10])
        assert await projector.reached(10, timeout_seconds=0)
        assert not await projector.reached(11, timeout_seconds=0.01)


async def test_a_reader_finds_what_was_folded_before_it_is_on_disk(
    tmp_path: Path,
) -> None:
    database = await GatedDatabase.open(tmp_path / "rows")
    projector = await Projector.over(database, SWIFT)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(projector.run)
        await projector.fold(MESSAGES[:60])
        await database.reached.wait()
        assert await projector.reached(60, timeout_seconds=0)
        assert projector.flushed_position == 0
        events = await projector.read_model.events(limit=100)
        assert [position for position, _ in events] == list(range(1, 61))
        database.gate.set()
        tasks.cancel_scope.cancel()
    await projector.close()


async def test_folding_waits_for_a_slow_disk_rather_than_fill_the_memory(
    tmp_path: Path,
) -> None:
    database = await GatedDatabase.open(tmp_path / "rows")
    projector = await Projector.over(database, SWIFT)

    async def fold_all() -> None:
        for start in range(0, 300, 20):
            await projector.fold(MESSAGES[start : start + 20])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(projector.run)
        tasks.start_soon(fold_all)
        await database.reached.wait()
        await anyio.wait_all_tasks_blocked()
        # The limit and the one batch that went over it.
        assert projector.unflushed == SWIFT.most_in_memory + 20
        database.gate.set()
        assert await projector.reached(300, timeout_seconds=10)
        tasks.cancel_scope.cancel()
    await projector.close()
    assert contents(tmp_path / "rows") == await rows_after(
        tmp_path / "whole", slice(None)
    )


async def test_a_failed_flush_ends_the_task_group_and_loses_nothing(
    tmp_path: Path,
) -> None:
    database = await FullDatabase.open(tmp_path / "rows")
    projector = await Projector.over(database, SWIFT)
    with pytest.RaisesGroup(ReadModelUnusableError):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(projector.run)
            await projector.fold(MESSAGES)
            await anyio.sleep_forever()
    database.full = False
    await projector.close()
    assert contents(tmp_path / "rows") == await rows_after(
        tmp_path / "whole", slice(None)
    )


async def test_rows_and_checkpoint_move_together_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    before = await rows_after(path, slice(0, 100))
    database = await Database.open(path)
    projector = await Projector.over(database, PATIENT)
    await projector.fold(MESSAGES[100:200])
    job = (await projector.read_model.jobs(limit=1))[0]
    checkpoint = projector.checkpoint
    # The second row of the same job is refused, long after the first rows were written.
    doubled = Batch(
        checkpoint=checkpoint, messages=MESSAGES[100:200], new_jobs=[job, job]
    )
    with pytest.raises(ReadModelUnusableError):
        await database.write(doubled)
    await database.close()
    assert contents(path) == before


async def test_a_snapshot_waits_for_the_rows_up_to_its_position(tmp_path: Path) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await projector.fold(MESSAGES[:50])
        projector.store_snapshot(60, b"state at 60")
        await projector.flush()
        assert await projector.load_snapshot() is None
        await projector.fold(MESSAGES[50:80])
        await projector.flush()
        assert await projector.load_snapshot() == (60, b"state at 60")


async def test_a_snapshot_of_what_is_on_disk_needs_no_further_event(
    tmp_path: Path,
) -> None:
    async with projecting(tmp_path / "rows") as projector:
        await projector.fold(MESSAGES[:50])
        await projector.flush()
        projector.store_snapshot(50, b"state at 50")
        await projector.flush()
        assert await projector.load_snapshot() == (50, b"state at 50")


async def test_the_newest_two_snapshots_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    async with projecting(path) as projector:
        await projector.fold(MESSAGES[:50])
        for position in (10, 20, 30):
            projector.store_snapshot(position, b"%d" % position)
            await projector.flush()
        assert await projector.load_snapshot(at_most=29) == (20, b"20")
        assert await projector.load_snapshot(at_most=19) is None
    files = anyio.Path(tmp_path).glob("rows.snapshot-*")
    kept = {file.name async for file in files}
    assert kept == {"rows.snapshot-20", "rows.snapshot-30"}


async def test_no_snapshot_outlives_the_rows_that_it_belongs_to(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    async with projecting(path) as projector:
        await projector.fold(MESSAGES[:50])
        projector.store_snapshot(50, b"state at 50")
    # Whoever deletes the rows may have deleted the log as well.
    await anyio.Path(path).unlink()
    async with projecting(path) as projector:
        await projector.fold(MESSAGES)
        await projector.flush()
        assert await projector.load_snapshot() is None


async def test_a_start_notices_that_the_log_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    async with projecting(path) as projector:
        await projector.verify(await log_of(MESSAGES))
        await projector.fold(MESSAGES)
    async with projecting(path) as projector:
        assert (await projector.verify(await log_of(MESSAGES))).position == 300
        with pytest.raises(LogLiedError, match="position 300"):
            await projector.verify(await log_of(MESSAGES[:299]))
        with pytest.raises(LogLiedError, match="another one"):
            await projector.verify(await log_of(folded(seeded(6, 300))))


async def test_a_start_notices_a_stream_that_was_created_anew(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    log = await log_of(MESSAGES)
    async with projecting(path) as projector:
        await projector.verify(log)
        await projector.fold(MESSAGES)
    anew = MemoryLog(created_at=MESSAGES[0][1].at)
    async with projecting(path) as projector:
        with pytest.raises(LogLiedError, match="created anew"):
            await projector.verify(anew)
