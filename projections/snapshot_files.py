"""The newest two snapshots of the writer's state, as files beside the rows.

Not in the database: with 100,000 live jobs one has 50 MB, which DuckDB would hold in
memory several times over, and write twice.
"""

import os
from pathlib import Path

from msgspec import Struct

from orchestrator.domain.ids import Position

_KEPT = 2


class Snapshot(Struct, frozen=True):
    """The writer's state after the event at a position, as bytes only it can read."""

    position: Position
    state: bytes


class SnapshotFiles:
    """The snapshots that belong to one file of rows; every call blocks on the disk."""

    def __init__(self, rows: Path) -> None:
        self._directory = rows.parent
        self._prefix = f"{rows.name}.snapshot-"

    def store(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, durably, and forget all but the newest."""
        path = self._path(snapshot.position)
        writing = path.with_name(f"{path.name}.new")
        with writing.open("wb") as file:
            file.write(snapshot.state)
            file.flush()
            os.fsync(file.fileno())
        writing.rename(path)
        for position in self._positions()[:-_KEPT]:
            self._path(position).unlink()

    def newest(self, at_most: Position) -> Snapshot | None:
        """Return the newest snapshot that is not after a position."""
        older = [position for position in self._positions() if position <= at_most]
        if not older:
            return None
        return Snapshot(older[-1], self._path(older[-1]).read_bytes())

    def forget_after(self, position: Position) -> None:
        """Remove what is newer than the rows: it may be of another log than theirs."""
        for path in self._directory.glob(f"{self._prefix}*.new"):
            path.unlink()
        for newer in self._positions():
            if newer > position:
                self._path(newer).unlink()

    def _path(self, position: Position) -> Path:
        return self._directory / f"{self._prefix}{position}"

    def _positions(self) -> list[Position]:
        names = (path.name for path in self._directory.glob(f"{self._prefix}*"))
        numbers = (name.removeprefix(self._prefix) for name in names)
        return sorted(int(number) for number in numbers if number.isdecimal())
