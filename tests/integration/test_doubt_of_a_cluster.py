"""Three nodes: the one that leads the stream dies or freezes in the middle of writes."""

import time
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from orchestrator.errors import AppendDoubtError, FenceError, LogUnreachableError
from orchestrator.event_log.jetstream import JetStreamLog, open_jetstream
from orchestrator.event_log.port import Draft, Message
from tests.nats_cluster import NatsCluster, Node

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

# That it goes on at all; how soon is for the benchmarks, on a quiet machine.
_LONGEST_PAUSE_SECONDS = 45
_AFTERWARDS = 200


@pytest.fixture
def own_cluster(tmp_path: Path) -> Generator[NatsCluster]:
    cluster = NatsCluster(tmp_path)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
async def log(own_cluster: NatsCluster) -> AsyncGenerator[JetStreamLog]:
    async with open_jetstream(own_cluster.url, replicas=3, append_seconds=2) as opened:
        yield opened


class Load:
    """A writer that never stops, and remembers what was acknowledged to it."""

    def __init__(self, log: JetStreamLog) -> None:
        self._log = log
        self._end = 0
        self._number = 0
        self.acknowledged: dict[int, bytes] = {}
        self.doubts: list[str] = []
        self.longest_pause_seconds = 0.0
        self._last = time.monotonic()

    async def write_until(self, is_enough: Callable[[], bool]) -> None:
        """Append singles and batches in turn, one write in flight."""
        while not is_enough():
            drafts = self._next()
            try:
                last = await self._log.append(drafts, expected=self._end)
            except AppendDoubtError as doubt:
                self.doubts.append(doubt.why)
                self._end = await self._read_end()
            except FenceError:
                # What was in doubt has been stored after the end was read.
                assert self.doubts
                self._end = await self._read_end()
            else:
                self._note(last, drafts)

    def _next(self) -> list[Draft]:
        count = 1 if self._number % 3 else 5
        numbers = range(self._number, self._number + count)
        self._number += count
        return [Draft("jobs.haddock.1", b"%d" % number) for number in numbers]

    def _note(self, last: int, drafts: list[Draft]) -> None:
        first = last - len(drafts) + 1
        self.acknowledged |= {
            position: draft.data for position, draft in enumerate(drafts, first)
        }
        now = time.monotonic()
        self.longest_pause_seconds = max(self.longest_pause_seconds, now - self._last)
        self._last, self._end = now, last

    async def _read_end(self) -> int:
        while True:
            try:
                return (await self._log.end()).position
            except LogUnreachableError:
                await anyio.sleep(0.1)


async def write_while(
    log: JetStreamLog, trouble: Callable[[], object]
) -> tuple[Load, list[Message]]:
    """Return what was written around some trouble, and what a follower saw of it."""
    load, seen, enough = Load(log), list[Message](), list[int]()

    async def follow() -> None:
        async for batch in log.follow(0):
            seen.extend(batch)

    async def make_trouble() -> None:
        while len(load.acknowledged) < _AFTERWARDS:  # noqa: ASYNC110 - the load has no event of its own
            await anyio.sleep(0.01)
        await anyio.to_thread.run_sync(trouble)
        enough.append(len(load.acknowledged) + _AFTERWARDS)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        tasks.start_soon(make_trouble)
        await load.write_until(
            lambda: bool(enough) and len(load.acknowledged) > enough[0]
        )
        end = (await log.end()).position
        with anyio.fail_after(_LONGEST_PAUSE_SECONDS):
            while not seen or seen[-1].position < end:  # noqa: ASYNC110 - it follows in another task
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    return load, seen


def require_nothing_lost(load: Load, seen: list[Message]) -> None:
    assert load.doubts
    assert [one.position for one in seen] == list(range(1, len(seen) + 1))
    held = {one.position: one.data for one in seen}
    assert {at: held[at] for at in load.acknowledged} == load.acknowledged
    assert len(set(held.values())) == len(held), "one was stored twice"
    assert load.longest_pause_seconds < _LONGEST_PAUSE_SECONDS


async def test_a_frozen_leading_node_is_a_doubt_and_the_log_goes_on_without_it(
    own_cluster: NatsCluster, log: JetStreamLog
) -> None:
    frozen: list[Node] = []

    def freeze() -> None:
        frozen.append(own_cluster.leader())
        frozen[0].pause()
        own_cluster.leader_but(frozen[0])

    load, seen = await write_while(log, freeze)
    require_nothing_lost(load, seen)
    frozen[0].resume()
    # What it was about to write when it froze is not in the log now.
    await anyio.to_thread.run_sync(own_cluster.until_healthy)
    assert (await log.end()).position == len(seen)


async def test_leading_nodes_that_are_killed_lose_nothing_that_was_acknowledged(
    own_cluster: NatsCluster, log: JetStreamLog
) -> None:
    def kill_one_and_then_its_successor() -> None:
        for _ in range(2):
            node = own_cluster.leader()
            node.kill()
            own_cluster.leader_but(node)
            node.start()
            own_cluster.until_healthy()

    load, seen = await write_while(log, kill_one_and_then_its_successor)
    require_nothing_lost(load, seen)
