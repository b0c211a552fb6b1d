"""What a server keeps of its state on disk is always the fold of the log."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import override

import anyio
from msgspec import structs
from structlog.testing import capture_logs
from structlog.typing import EventDict, WrappedLogger

from orchestrator import codec
from orchestrator.domain.events import Event
from orchestrator.event_log.memory import MemoryLog
from orchestrator.event_log.port import Draft, LogEnd, Message
from tests.examples import ELECTED, JOB, JOINED, SUBMITTED, recorded
from tests.integration.office_on_memory import server_on
from tests.integration.office_witness import (
    PATIENCE_SECONDS,
    events_up_to,
    require_fold,
)


class BelatedLog(MemoryLog):
    """Hands over its fourth message late, and then says no more where it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.late = anyio.Event()
        self.silent = False

    @override
    async def follow(
        self, after: int, subjects: Sequence[str] = (">",)
    ) -> AsyncGenerator[Sequence[Message]]:
        async for batch in super().follow(after, subjects):
            for message in batch:
                if message.position == 4:
                    await self.late.wait()
                yield [message]

    @override
    async def end(self) -> LogEnd:
        if self.silent:
            await anyio.sleep_forever()
        return await super().end()


async def test_a_leader_that_steps_down_keeps_no_state_that_never_was(
    tmp_path: Path,
) -> None:
    log = BelatedLog()

    def note(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
        if entry["event"] == "writer.stepped_down":
            # Its follower wakes between the end of its term and the next round.
            log.silent = True
            log.late.set()
        return entry

    foreign: list[Event] = [SUBMITTED, JOINED, structs.replace(ELECTED, server_id="b")]
    drafts = [Draft("writer", codec.encode(recorded(one, 10**9))) for one in foreign]
    with capture_logs(processors=[note]):
        async with server_on(log, tmp_path) as server:
            await server.leads()
            await events_up_to(log, 2)
            await log.append(drafts, expected=2)
            with anyio.fail_after(PATIENCE_SECONDS):
                await log.late.wait()
            await anyio.wait_all_tasks_blocked()
    log.silent = False
    async with server_on(log, tmp_path, name="server-2") as again:
        await again.leads()
        await require_fold(again.office, log)
        assert JOB in again.state.live
