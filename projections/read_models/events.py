"""The history: every message as a row of the table `events`, and back."""

from collections.abc import Sequence
from typing import Any

from duckdb import DuckDBPyConnection
from msgspec import Struct

from orchestrator.codec import decode
from orchestrator.domain.events import Event, Recorded
from orchestrator.domain.ids import JobId, Position
from projections.projection import Folded
from projections.read_models.timestamps import to_us

NAME = "events-v1"

type Positioned = tuple[Position, Recorded[Event]]


class EventFilter(Struct, frozen=True, kw_only=True):
    """Which events are shown; a filter that is not given lets all pass."""

    types: tuple[str, ...] = ()
    job_id: JobId | None = None

    def admits(self, event: Event) -> bool:
        """Say whether an event passes: the same answer as the table's query gives."""
        if self.types and type_of(event) not in self.types:
            return False
        return self.job_id is None or getattr(event, "job_id", None) == self.job_id


class Window(Struct, frozen=True, kw_only=True):
    """A part of the history: positions above `after`, up to `last`, so many."""

    after: Position
    last: Position
    limit: int


def type_of(event: Event) -> str:
    """Return the tag under which the log holds an event."""
    return str(type(event).__struct_config__.tag)


def to_row(folded: Folded) -> tuple[object, ...]:
    """Return a message in the order of the table's columns."""
    position, recorded, data = folded
    event = recorded.event
    return (
        position,
        to_us(recorded.at),
        recorded.by,
        recorded.command_id,
        type_of(event),
        # Events that name one of these call it so.
        getattr(event, "job_id", None),
        getattr(event, "service", None),
        getattr(event, "user", None),
        getattr(event, "client_id", None),
        data.decode(),
    )


def from_row(row: Sequence[Any]) -> Positioned:
    """Return the event that the columns `position, data` hold."""
    return row[0], decode(row[1].encode(), position=row[0])


def history(
    connection: DuckDBPyConnection,
    job_id: JobId,
    window: Window,
) -> list[Positioned]:
    """Return a job's events in a window."""
    span = connection.execute(
        "SELECT submitted_position FROM jobs WHERE job_id = ?",
        [job_id],
    ).fetchone()
    if span is None:
        return []
    # No event of a job is older than its submission: the rest need not be scanned.
    after = max(window.after, span[0] - 1)
    rows = connection.execute(
        "SELECT position, data FROM events WHERE position > ? AND position <= ? "
        "AND job_id = ? ORDER BY position LIMIT ?",
        [after, window.last, job_id, window.limit],
    ).fetchall()
    return [from_row(row) for row in rows]


def select(
    connection: DuckDBPyConnection,
    wanted: EventFilter,
    window: Window,
) -> list[Positioned]:
    """Return the events in a window that a filter lets pass, oldest first."""
    if wanted.job_id is not None and not wanted.types:
        return history(connection, wanted.job_id, window)
    sql = "SELECT position, data FROM events WHERE position > ? AND position <= ?"
    values: list[object] = [window.after, window.last]
    if wanted.types:
        sql += " AND list_contains(?, type)"
        values.append(list(wanted.types))
    if wanted.job_id is not None:
        sql += " AND job_id = ?"
        values.append(wanted.job_id)
    sql += " ORDER BY position LIMIT ?"
    rows = connection.execute(sql, [*values, window.limit]).fetchall()
    return [from_row(row) for row in rows]
