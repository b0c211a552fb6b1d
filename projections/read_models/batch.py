"""What one transaction writes: rows, and the checkpoint that they belong to."""

from collections.abc import Iterable, Sequence
from typing import Literal

from duckdb import DuckDBPyConnection
from msgspec import Struct

from projections.checkpoint import Checkpoint
from projections.projection import Folded
from projections.read_models import (
    checkpoint_rows,
    clients,
    events,
    job_rows,
    services,
)
from projections.read_models.clients import ClientView
from projections.read_models.jobs import JobView
from projections.read_models.services import ServiceView


class Batch(Struct, frozen=True, kw_only=True):
    """Everything that changed since the last one, as of its checkpoint."""

    checkpoint: Checkpoint
    messages: Sequence[Folded] = ()
    new_jobs: Sequence[JobView] = ()  # without a row so far: inserted, which is cheap
    changed_jobs: Sequence[JobView] = ()
    services: Sequence[ServiceView] = ()
    clients: Sequence[ClientView] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.messages or self.new_jobs or self.changed_jobs)


def apply(connection: DuckDBPyConnection, batch: Batch) -> None:
    """Write a batch in one transaction: all of it, or nothing."""
    connection.begin()
    try:
        _write(connection, batch)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _write(connection: DuckDBPyConnection, batch: Batch) -> None:
    _append(connection, "events", map(events.to_row, batch.messages))
    _append(connection, "jobs", map(job_rows.to_row, batch.new_jobs))
    _append(connection, "jobs", map(job_rows.to_row, batch.changed_jobs), "upsert")
    _append(connection, "services", map(services.to_row, batch.services), "upsert")
    _append(connection, "clients", map(clients.to_row, batch.clients), "upsert")
    checkpoint_rows.store(connection, batch.checkpoint)


def _append(
    connection: DuckDBPyConnection,
    table: str,
    rows: Iterable[tuple[object, ...]],
    action: Literal["insert", "upsert"] = "insert",
) -> None:
    with connection.appender(table, action=action) as appender:
        # Row by row: a whole batch in one call would keep other threads waiting.
        for row in rows:
            appender.append_row(*row)
