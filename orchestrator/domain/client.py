"""One client: whether it is there, and what it offers."""

from typing import assert_never

from msgspec import Struct

from orchestrator.domain.commands import (
    ClientCommand,
    JoinClient,
    LeaveClient,
    LoseClient,
    SyncClient,
)
from orchestrator.domain.events import (
    ClientEvent,
    ClientJoined,
    ClientLeft,
    ClientLost,
)
from orchestrator.domain.ids import ClientId, Incarnation, ServiceName
from orchestrator.errors import InvalidCommandError, UnknownClientError


class ClientState(Struct, frozen=True, kw_only=True):
    """A client that is there; one that left or was lost has no state."""

    client_id: ClientId
    incarnation: Incarnation
    name: str
    version: str
    slots: int
    services: tuple[ServiceName, ...]  # empty: all

    def serves(self, service: ServiceName) -> bool:
        """Say whether the client takes jobs of a service."""
        return not self.services or service in self.services


def decide(command: ClientCommand, state: ClientState | None) -> list[ClientEvent]:
    """Return what happens when this is asked of a client.

    Raises:
        UnknownClientError: it is not there, or another incarnation is.
        InvalidCommandError: it offers no slot.
    """
    match command:
        case JoinClient():
            return _join(command, state)
        case SyncClient():
            _require_joined(command, state)
            return []
        case LeaveClient():
            _require_joined(command, state)
            client_id, incarnation = command.client_id, command.incarnation
            return [ClientLeft(client_id=client_id, incarnation=incarnation)]
        case LoseClient():
            _require_joined(command, state)
            return [
                ClientLost(
                    client_id=command.client_id,
                    incarnation=command.incarnation,
                    silent_ms=command.silent_ms,
                ),
            ]
        case _:
            assert_never(command)


def _join(command: JoinClient, state: ClientState | None) -> list[ClientEvent]:
    if command.slots < 1:
        raise InvalidCommandError(field="slots", why="must be at least 1")
    event = ClientJoined(
        client_id=command.client_id,
        incarnation=command.incarnation,
        name=command.name,
        version=command.version,
        slots=command.slots,
        services=tuple(sorted(set(command.services))),
    )
    return [] if evolve(event) == state else [event]


def _require_joined(
    command: SyncClient | LeaveClient | LoseClient,
    state: ClientState | None,
) -> None:
    if state is None or state.incarnation != command.incarnation:
        raise UnknownClientError(client_id=command.client_id)


def evolve(event: ClientEvent) -> ClientState | None:
    """Return what is known of the client after an event."""
    match event:
        case ClientJoined():
            return ClientState(
                client_id=event.client_id,
                incarnation=event.incarnation,
                name=event.name,
                version=event.version,
                slots=event.slots,
                services=event.services,
            )
        case ClientLeft() | ClientLost():
            return None
        case _:
            assert_never(event)
