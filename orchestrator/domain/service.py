"""One service: its limits, and what may be asked of it."""

from msgspec import Struct

from orchestrator.domain.commands import ConfigureService, RetireService, ServiceCommand
from orchestrator.domain.events import ServiceConfigured, ServiceEvent, ServiceRetired
from orchestrator.domain.ids import ServiceName
from orchestrator.errors import InvalidCommandError, UnknownServiceError


class ServicePolicy(Struct, frozen=True, kw_only=True):
    """The limits in force; a retired service finishes what it has."""

    service: ServiceName
    runs_per_user: int
    max_runs: int
    source: str  # who set it last: settings or api
    retired: bool = False


def decide(command: ServiceCommand, state: ServicePolicy | None) -> list[ServiceEvent]:
    """Return what happens when this is asked of a service.

    Raises:
        InvalidCommandError: a limit below 1.
        UnknownServiceError: there is nothing to retire.
    """
    if isinstance(command, ConfigureService):
        return _configure(command, state)
    return _retire(command, state)


def _configure(
    command: ConfigureService,
    state: ServicePolicy | None,
) -> list[ServiceEvent]:
    for field in ("runs_per_user", "max_runs"):
        if getattr(command, field) < 1:
            raise InvalidCommandError(field=field, why="must be at least 1")
    if not command.service:
        raise InvalidCommandError(field="service", why="must not be empty")
    event = ServiceConfigured(
        service=command.service,
        runs_per_user=command.runs_per_user,
        max_runs=command.max_runs,
        source=command.source,
    )
    return [] if evolve(state, event) == state else [event]


def _retire(
    command: RetireService,
    state: ServicePolicy | None,
) -> list[ServiceEvent]:
    if state is None:
        raise UnknownServiceError(service=command.service, known=())
    if state.retired:
        return []
    return [ServiceRetired(service=command.service, source=command.source)]


def evolve(state: ServicePolicy | None, event: ServiceEvent) -> ServicePolicy:
    """Return the policy after an event."""
    if isinstance(event, ServiceConfigured):
        return ServicePolicy(
            service=event.service,
            runs_per_user=event.runs_per_user,
            max_runs=event.max_runs,
            source=event.source,
        )
    return ServicePolicy(
        service=event.service,
        runs_per_user=state.runs_per_user if state else 1,
        max_runs=state.max_runs if state else 1,
        source=event.source,
        retired=True,
    )
