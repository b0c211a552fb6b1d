"""Real DuckDB files whose writes are slow, or fail, when a test says so."""

from pathlib import Path
from typing import IO, override

import anyio
from duckdb import DuckDBPyConnection

from orchestrator.errors import ReadModelUnusableError
from projections.read_models.batch import Batch
from projections.read_models.database import Database


class GatedDatabase(Database):
    """Writes wait until the gate is open."""

    @override
    def __init__(self, path: Path, lock: IO[bytes], root: DuckDBPyConnection) -> None:
        super().__init__(path, lock, root)
        self.gate = anyio.Event()
        self.reached = anyio.Event()

    @override
    async def write(self, batch: Batch) -> None:
        self.reached.set()
        await self.gate.wait()
        await super().write(batch)


class FullDatabase(Database):
    """Writes fail, as on a full disk, while `full` is set."""

    full = True

    @override
    async def write(self, batch: Batch) -> None:
        if self.full:
            raise ReadModelUnusableError(path=str(self.path), why="disk is full")
        await super().write(batch)
