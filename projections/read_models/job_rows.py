"""Job views as rows of the table `jobs`, and back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection
from msgspec import Struct

from orchestrator.domain.events import Bundle, Results, Usage, Violation
from orchestrator.domain.ids import JobId, Position
from projections.read_models.jobs import ENDED, JobView, JobWord
from projections.read_models.timestamps import (
    from_us,
    optional_time,
    optional_us,
    to_us,
)

_ENDED_ONLY = "state IN ({})".format(", ".join(f"'{word}'" for word in sorted(ENDED)))


class JobFilter(Struct, frozen=True, kw_only=True):
    """Which jobs a list shows; a filter that is not given lets all pass."""

    user: str | None = None
    service: str | None = None
    state: JobWord | None = None
    label: str | None = None
    since: datetime | None = None  # submitted at or after
    until: datetime | None = None  # submitted before

    def admits(self, view: JobView) -> bool:
        """Say whether a view passes: the same answer as the table's query gives."""
        return (
            self.user in (None, view.user)
            and self.service in (None, view.service)
            and self.state in (None, view.state)
            and (self.label is None or self.label in view.labels)
            and (self.since is None or view.submitted_at >= self.since)
            and (self.until is None or view.submitted_at < self.until)
        )


def to_row(view: JobView) -> tuple[object, ...]:
    """Return a view in the order of the table's columns."""
    results, usage = view.results, view.usage
    return (
        view.job_id,
        view.number,
        view.service,
        view.user,
        view.state,
        view.attempt,
        view.client_id,
        view.incarnation,
        view.submitted_position,
        to_us(view.submitted_at),
        optional_us(view.assigned_at),
        optional_us(view.started_at),
        optional_us(view.ended_at),
        view.cancel_requested,
        view.reason,
        view.line,
        view.exit_code,
        view.signal,
        list(view.labels),
        view.bundle.bundle_id,
        view.bundle.sha256,
        view.bundle.size,
        *((None,) * 3 if results is None else _results_columns(results)),
        *((None,) * 4 if usage is None else _usage_columns(usage)),
        view.body_digest,
        view.outcome_digest,
        view.position,
        view.original_number,
        [_noted(warning) for warning in view.warnings],
    )


def _noted(warning: Violation) -> str:
    return warning.rule if warning.line is None else f"{warning.rule}:{warning.line}"


def _warning(noted: str) -> Violation:
    rule, _, line = noted.partition(":")
    return Violation(rule=rule, line=int(line) if line else None)


def _results_columns(results: Results) -> tuple[object, ...]:
    return results.manifest_sha256, results.size, results.files


def _usage_columns(usage: Usage) -> tuple[object, ...]:
    return usage.wall_ms, usage.user_cpu_ms, usage.system_cpu_ms, usage.max_rss_kib


def from_row(row: Sequence[Any]) -> JobView:
    """Return the view that a row holds."""
    return JobView(
        job_id=row[0],
        number=row[1],
        service=row[2],
        user=row[3],
        state=row[4],
        attempt=row[5],
        client_id=row[6],
        incarnation=row[7],
        submitted_position=row[8],
        submitted_at=from_us(row[9]),
        assigned_at=optional_time(row[10]),
        started_at=optional_time(row[11]),
        ended_at=optional_time(row[12]),
        cancel_requested=row[13],
        reason=row[14],
        line=row[15],
        exit_code=row[16],
        signal=row[17],
        labels=tuple(row[18]),
        bundle=Bundle(bundle_id=row[19], sha256=row[20], size=row[21]),
        results=_results(row[22:25]),
        usage=_usage(row[25:29]),
        body_digest=row[29],
        outcome_digest=row[30],
        position=row[31],
        original_number=row[32],
        warnings=tuple(map(_warning, row[33])),
    )


def _results(columns: Sequence[Any]) -> Results | None:
    if columns[0] is None:
        return None
    return Results(manifest_sha256=columns[0], size=columns[1], files=columns[2])


def _usage(columns: Sequence[Any]) -> Usage | None:
    if columns[0] is None:
        return None
    return Usage(
        wall_ms=columns[0],
        user_cpu_ms=columns[1],
        system_cpu_ms=columns[2],
        max_rss_kib=columns[3],
    )


def find(connection: DuckDBPyConnection, job_id: JobId) -> JobView | None:
    """Return the job of this id, if its row is there."""
    return _one(connection, "SELECT * FROM jobs WHERE job_id = ?", job_id)


def find_by_number(connection: DuckDBPyConnection, number: int) -> JobView | None:
    """Return the job of this number, if its row is there."""
    return _one(connection, "SELECT * FROM jobs WHERE number = ?", number)


def _one(connection: DuckDBPyConnection, sql: str, value: object) -> JobView | None:
    row = connection.execute(sql, [value]).fetchone()
    return None if row is None else from_row(row)


def live(connection: DuckDBPyConnection) -> list[JobView]:
    """Return all jobs that have not ended, in the order they were submitted."""
    rows = connection.execute(
        f"SELECT * FROM jobs WHERE NOT {_ENDED_ONLY} ORDER BY submitted_position",  # noqa: S608 - a constant
    ).fetchall()
    return [from_row(row) for row in rows]


def counts(connection: DuckDBPyConnection) -> dict[JobWord, int]:
    """Return how many jobs are in each state."""
    rows = connection.execute("SELECT state, count(*) FROM jobs GROUP BY state")
    return dict(rows.fetchall())


def newest_ended(
    connection: DuckDBPyConnection,
    wanted: JobFilter,
    before: Position | None,
    limit: int,
) -> list[JobView]:
    """Return jobs that have ended, newest first, submitted before a position."""
    wheres = {
        'AND "user" = ?': wanted.user,
        "AND service = ?": wanted.service,
        "AND state = ?": wanted.state,
        "AND list_contains(labels, ?)": wanted.label,
        "AND submitted_at >= ?": optional_us(wanted.since),
        "AND submitted_at < ?": optional_us(wanted.until),
        "AND submitted_position < ?": before,
    }
    given = {sql: value for sql, value in wheres.items() if value is not None}
    sql = " ".join((f"SELECT * FROM jobs WHERE {_ENDED_ONLY}", *given))  # noqa: S608 - constants; values are parameters
    sql += " ORDER BY submitted_position DESC LIMIT ?"
    rows = connection.execute(sql, [*given.values(), limit]).fetchall()
    return [from_row(row) for row in rows]
