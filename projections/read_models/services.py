"""Which services there are, and under which limits."""

from collections.abc import Sequence
from typing import Any

from duckdb import DuckDBPyConnection
from msgspec import Struct, structs

from orchestrator.domain.events import (
    Event,
    Recorded,
    ServiceConfigured,
    ServiceRetired,
)
from orchestrator.domain.ids import Position, ServiceName
from projections.projection import Projection


class ServiceView(Struct, frozen=True, kw_only=True):
    """A service as its events up to `position` tell it."""

    name: ServiceName
    runs_per_user: int
    max_runs: int
    source: str  # who said so last: settings or api
    retired: bool = False
    position: Position


def key(event: Event) -> ServiceName | None:
    """Return the service whose policy an event changes."""
    match event:
        case ServiceConfigured() | ServiceRetired():
            return event.service
        case _:
            return None


def evolve(
    view: ServiceView | None,
    position: Position,
    recorded: Recorded[Event],
) -> ServiceView | None:
    """Return the view after an event; one that is about nothing here changes none."""
    event = recorded.event
    match event:
        case ServiceConfigured():
            return ServiceView(
                name=event.service,
                runs_per_user=event.runs_per_user,
                max_runs=event.max_runs,
                source=event.source,
                position=position,
            )
        case ServiceRetired() if view is not None:
            return structs.replace(
                view,
                retired=True,
                source=event.source,
                position=position,
            )
        case _:
            return view


SERVICES = Projection[ServiceName, ServiceView](
    name="services-v1", key=key, evolve=evolve
)


def to_row(view: ServiceView) -> tuple[object, ...]:
    """Return a view in the order of the table's columns."""
    return structs.astuple(view)


def from_row(row: Sequence[Any]) -> ServiceView:
    """Return the view that a row holds."""
    return ServiceView(
        name=row[0],
        runs_per_user=row[1],
        max_runs=row[2],
        source=row[3],
        retired=row[4],
        position=row[5],
    )


def every(connection: DuckDBPyConnection) -> list[ServiceView]:
    """Return all services, by name."""
    rows = connection.execute("SELECT * FROM services ORDER BY name").fetchall()
    return [from_row(row) for row in rows]
