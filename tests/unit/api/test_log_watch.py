"""Asking where the log ends: once for all who wait, and never with an older answer."""

import anyio
import pytest

from orchestrator.api.log_watch import LogWatch
from orchestrator.domain.ids import Position
from orchestrator.errors import LogUnreachableError

_UNREACHABLE = LogUnreachableError(url="nats://x", why="refused")


class Log:
    """A log that answers when it is told to."""

    def __init__(self) -> None:
        self.position: Position = 0
        self.asked = 0
        self.folded: Position = 0
        self.fails_with: LogUnreachableError | None = None
        self.may_answer = anyio.Event()
        self.may_answer.set()

    async def end(self) -> Position:
        self.asked += 1
        position = self.position
        await self.may_answer.wait()
        if self.fails_with is not None:
            raise self.fails_with
        return position

    async def was_asked(self, count: int) -> None:
        while self.asked < count:  # noqa: ASYNC110 - a number rings no bell
            await anyio.sleep(0.001)


def watching(log: Log) -> LogWatch:
    return LogWatch(log.end, lambda: log.folded)


async def test_who_asks_while_a_question_is_under_way_shares_the_next_one() -> None:
    log = Log()
    watch = watching(log)
    log.may_answer = anyio.Event()
    found: list[Position] = []

    async def ask() -> None:
        found.append(await watch.end())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await log.was_asked(1)
        # The first answer may be older than these, the second is not.
        log.position = 5
        for _ in range(10):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        log.may_answer.set()
    assert log.asked == 2
    assert found == [0] + [5] * 10


async def test_an_answer_is_not_kept_for_who_comes_later() -> None:
    log = Log()
    watch = watching(log)
    assert await watch.end() == 0
    log.position = 3
    assert await watch.end() == 3


async def test_a_question_that_failed_is_asked_anew() -> None:
    log = Log()
    watch = watching(log)
    log.fails_with = _UNREACHABLE
    with pytest.raises(LogUnreachableError):
        await watch.end()
    log.fails_with = None
    log.position = 2
    assert await watch.end() == 2


async def test_before_the_log_was_ever_read_to_its_end_the_age_has_no_bound() -> None:
    log = Log()
    log.position = 1
    watch = watching(log)
    await watch.end()
    assert watch.age_seconds() == float("inf")


async def test_the_age_counts_from_the_question_whose_answer_is_read_by_now() -> None:
    log = Log()
    watch = watching(log)
    log.position = 1
    before = anyio.current_time()
    await watch.end()
    log.position = 2
    await watch.end()
    log.folded = 1
    first = watch.age_seconds()
    log.folded = 2
    second = watch.age_seconds()
    assert 0 <= second <= first <= anyio.current_time() - before


async def test_while_the_log_answers_the_age_stays_small_without_readers() -> None:
    log = Log()
    watch = watching(log)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.run)
        await log.was_asked(1)
        assert watch.age_seconds() < 1
        tasks.cancel_scope.cancel()
