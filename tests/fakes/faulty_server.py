"""The writer's door and the log's end, which fail or lie when a test says so."""

from typing import Any, override

from msgspec import structs

from orchestrator.domain.commands import Asked
from orchestrator.domain.ids import JobId, Position
from orchestrator.errors import OrchestratorError
from orchestrator.event_log.memory import MemoryLog
from orchestrator.writer.commands import Answered, Commands, Leadership


class FaultyCommands(Commands):
    """The real door to the writer, which can be made to fail."""

    def __init__(self, real: Commands) -> None:
        self._real = real
        self.fails_before: OrchestratorError | None = None
        self.fails_after: OrchestratorError | None = None  # having done it
        # As for a command that was in doubt, and was then found in the log by its id.
        self.tells_only_where = False
        # What a test says of this server's part.
        self.part: dict[str, Any] = {}

    @override
    async def ask(self, asked: Asked) -> Answered:
        if self.fails_before is not None:
            raise self.fails_before
        answered = await self._real.ask(asked)
        if self.fails_after is not None:
            raise self.fails_after
        if self.tells_only_where:
            return Answered(position=answered.position)
        return answered

    @override
    def leadership(self) -> Leadership:
        return structs.replace(self._real.leadership(), **self.part)

    @override
    def queue_position(self, job_id: JobId) -> int | None:
        return self._real.queue_position(job_id)


class LogEnd:
    """Where the log ends, or what a test says of it."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.asked = 0
        self.claimed: Position | None = None
        self.fails_with: OrchestratorError | None = None

    async def __call__(self) -> Position:
        self.asked += 1
        if self.fails_with is not None:
            raise self.fails_with
        return (
            (await self._log.end()).position if self.claimed is None else self.claimed
        )
