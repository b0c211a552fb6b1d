"""Which clients there are or were, and what they offer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from duckdb import DuckDBPyConnection
from msgspec import Struct, structs

from orchestrator.domain.events import (
    ClientJoined,
    ClientLeft,
    ClientLost,
    Event,
    Recorded,
)
from orchestrator.domain.ids import ClientId, Incarnation, Position, ServiceName
from projections.projection import Projection
from projections.read_models.timestamps import from_us, to_us

type ClientStatus = Literal["joined", "left", "lost"]


class ClientView(Struct, frozen=True, kw_only=True):
    """A client as its events up to `position` tell it."""

    client_id: ClientId
    name: str
    version: str
    incarnation: Incarnation
    slots: int
    services: tuple[ServiceName, ...]  # empty: all
    status: ClientStatus
    joined_at: datetime
    changed_at: datetime
    position: Position


def key(event: Event) -> ClientId | None:
    """Return the client that comes or goes by an event."""
    match event:
        case ClientJoined() | ClientLeft() | ClientLost():
            return event.client_id
        case _:
            return None


def evolve(
    view: ClientView | None,
    position: Position,
    recorded: Recorded[Event],
) -> ClientView | None:
    """Return the view after an event; one that is about nothing here changes none."""
    event = recorded.event
    match event:
        case ClientJoined():
            return _joined(event, position, recorded.at)
        case ClientLeft() if view is not None:
            return _gone(view, "left", position, recorded.at)
        case ClientLost() if view is not None:
            return _gone(view, "lost", position, recorded.at)
        case _:
            return view


def _joined(event: ClientJoined, position: Position, at: datetime) -> ClientView:
    return ClientView(
        client_id=event.client_id,
        name=event.name,
        version=event.version,
        incarnation=event.incarnation,
        slots=event.slots,
        services=event.services,
        status="joined",
        joined_at=at,
        changed_at=at,
        position=position,
    )


def _gone(
    view: ClientView,
    status: ClientStatus,
    position: Position,
    at: datetime,
) -> ClientView:
    return structs.replace(view, status=status, changed_at=at, position=position)


CLIENTS = Projection[ClientId, ClientView](name="clients-v1", key=key, evolve=evolve)


def to_row(view: ClientView) -> tuple[object, ...]:
    """Return a view in the order of the table's columns."""
    return (
        view.client_id,
        view.name,
        view.version,
        view.incarnation,
        view.slots,
        list(view.services),
        view.status,
        to_us(view.joined_at),
        to_us(view.changed_at),
        view.position,
    )


def from_row(row: Sequence[Any]) -> ClientView:
    """Return the view that a row holds."""
    return ClientView(
        client_id=row[0],
        name=row[1],
        version=row[2],
        incarnation=row[3],
        slots=row[4],
        services=tuple(row[5]),
        status=row[6],
        joined_at=from_us(row[7]),
        changed_at=from_us(row[8]),
        position=row[9],
    )


def newest(connection: DuckDBPyConnection, gone: int) -> list[ClientView]:
    """Return all clients that are there, and so many that left or were lost last.

    In the order in which they changed.
    """
    rows = connection.execute(
        "SELECT * FROM clients WHERE status = 'joined' UNION ALL "
        "(SELECT * FROM clients WHERE status <> 'joined' "
        "ORDER BY position DESC LIMIT ?) ORDER BY position",
        [gone],
    ).fetchall()
    return [from_row(row) for row in rows]
