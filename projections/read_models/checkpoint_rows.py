"""The checkpoint as rows, one a projection; all of them move together."""

from duckdb import DuckDBPyConnection

from projections.checkpoint import Checkpoint
from projections.read_models import events
from projections.read_models.clients import CLIENTS
from projections.read_models.jobs import JOBS
from projections.read_models.services import SERVICES
from projections.read_models.timestamps import optional_time, optional_us

NAMES = tuple(sorted((events.NAME, JOBS.name, SERVICES.name, CLIENTS.name)))


def create(connection: DuckDBPyConnection) -> None:
    """Put every projection at the log's beginning."""
    for name in NAMES:
        connection.execute("INSERT INTO checkpoint VALUES (?, 0, '', '', NULL)", [name])


def names(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """Return which projections the file holds."""
    rows = connection.execute("SELECT name FROM checkpoint ORDER BY name").fetchall()
    return tuple(row[0] for row in rows)


def load(connection: DuckDBPyConnection) -> Checkpoint:
    """Return how far the file has folded."""
    rows = connection.execute(
        "SELECT position, sha256, digest, log_created_at FROM checkpoint LIMIT 1",
    ).fetchall()
    position, sha256, digest, created_us = rows[0]
    return Checkpoint(
        position=position,
        sha256=sha256,
        digest=digest,
        log_created_at=optional_time(created_us),
    )


def store(connection: DuckDBPyConnection, checkpoint: Checkpoint) -> None:
    """Move the checkpoint, in the caller's transaction."""
    connection.execute(
        "UPDATE checkpoint "
        "SET position = ?, sha256 = ?, digest = ?, log_created_at = ?",
        [
            checkpoint.position,
            checkpoint.sha256,
            checkpoint.digest,
            optional_us(checkpoint.log_created_at),
        ],
    )
