"""How many jobs each flow and each service holds: what limits are checked against."""

from orchestrator.domain.ids import ServiceName, UserId


class QuotaState:
    """Counts of assigned and running jobs; whatever the log gives to a client counts."""

    def __init__(self) -> None:
        self._services: dict[ServiceName, int] = {}
        self._flows: dict[tuple[ServiceName, UserId], int] = {}

    def take(self, service: ServiceName, user: UserId) -> None:
        """Count one more concurrent job."""
        flow = (service, user)
        self._services[service] = self._services.get(service, 0) + 1
        self._flows[flow] = self._flows.get(flow, 0) + 1

    def release(self, service: ServiceName, user: UserId) -> None:
        """Count one concurrent job less."""
        flow = (service, user)
        _decrement(self._services, service)
        _decrement(self._flows, flow)

    def of_service(self, service: ServiceName) -> int:
        """Return the concurrent jobs of a service."""
        return self._services.get(service, 0)

    def of_user(self, service: ServiceName, user: UserId) -> int:
        """Return the concurrent jobs of a user within a service."""
        return self._flows.get((service, user), 0)


def _decrement[K](counts: dict[K, int], key: K) -> None:
    if counts[key] == 1:
        del counts[key]
    else:
        counts[key] -= 1
