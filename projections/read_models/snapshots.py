"""The newest two snapshots of the writer's state, kept beside the rows."""

from duckdb import DuckDBPyConnection
from msgspec import Struct

from orchestrator.domain.ids import Position

_KEPT = 2


class Snapshot(Struct, frozen=True):
    """The writer's state after the event at a position, as bytes only it can read."""

    position: Position
    state: bytes


def store(connection: DuckDBPyConnection, snapshot: Snapshot) -> None:
    """Keep a snapshot, in the caller's transaction, and forget all but the newest."""
    connection.execute("DELETE FROM snapshots WHERE position = ?", [snapshot.position])
    connection.execute(
        "INSERT INTO snapshots VALUES (?, ?)",
        [snapshot.position, snapshot.state],
    )
    connection.execute(
        "DELETE FROM snapshots WHERE position NOT IN "
        "(SELECT position FROM snapshots ORDER BY position DESC LIMIT ?)",
        [_KEPT],
    )


def newest(connection: DuckDBPyConnection, at_most: Position) -> Snapshot | None:
    """Return the newest snapshot that is not after a position."""
    row = connection.execute(
        "SELECT position, state FROM snapshots WHERE position <= ? "
        "ORDER BY position DESC LIMIT 1",
        [at_most],
    ).fetchone()
    return None if row is None else Snapshot(row[0], bytes(row[1]))
