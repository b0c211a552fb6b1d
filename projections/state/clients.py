"""Who is there, what each client holds, and how much room it has left."""

from orchestrator.domain.client import ClientState, evolve
from orchestrator.domain.events import ClientEvent
from orchestrator.domain.ids import ClientId, JobId, Position, ServiceName


class ClientsState:
    """Clients by id, with the attempts that the log gives to each."""

    def __init__(self) -> None:
        self.joined: dict[ClientId, ClientState] = {}
        self._held: dict[ClientId, dict[JobId, int]] = {}
        self._free: dict[ClientId, int] = {}  # only clients with room
        self.newest_assignment: dict[ClientId, Position] = {}

    def fold(self, event: ClientEvent) -> None:
        """Apply a client's coming or going."""
        state = evolve(event)
        if state is None:
            self.joined.pop(event.client_id, None)
            self.newest_assignment.pop(event.client_id, None)
        else:
            self.joined[event.client_id] = state
        self.count_room(event.client_id)

    def take(self, client_id: ClientId, job_id: JobId, attempt: int) -> None:
        """Give an attempt to a client."""
        self._held.setdefault(client_id, {})[job_id] = attempt
        self.count_room(client_id)

    def release(self, client_id: ClientId, job_id: JobId) -> None:
        """Take an attempt from a client."""
        held = self._held.get(client_id, {})
        held.pop(job_id, None)
        if not held:
            self._held.pop(client_id, None)
        self.count_room(client_id)

    def held_by(self, client_id: ClientId) -> dict[JobId, int]:
        """Return the attempts a client holds, oldest first."""
        return dict(self._held.get(client_id, {}))

    def all_held(self) -> list[tuple[ClientId, dict[JobId, int]]]:
        """Return what every client holds, sorted by client."""
        return sorted(self._held.items())

    def roomiest(self, service: ServiceName) -> tuple[ClientId, int] | None:
        """Return who has most room for a service and how much; the smallest id of equals."""
        fitting = [
            (-free, client_id)
            for client_id, free in self._free.items()
            if self.joined[client_id].serves(service)
        ]
        if not fitting:
            return None
        free, client_id = min(fitting)
        return client_id, -free

    def count_room(self, client_id: ClientId) -> None:
        """Note whether the client has a free slot."""
        client = self.joined.get(client_id)
        room = client.slots - len(self._held.get(client_id, ())) if client else 0
        if room > 0:
            self._free[client_id] = room
        else:
            self._free.pop(client_id, None)
