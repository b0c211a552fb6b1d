from collections.abc import Sequence

from orchestrator.domain.events import Event
from projections.projection import Projection
from projections.read_models.clients import CLIENTS, ClientView
from projections.read_models.services import SERVICES, ServiceView
from tests.examples import (
    CLIENT,
    CLIENT_LOST,
    CONFIGURED,
    ECHO,
    FIRST_LIFE,
    JOINED,
    LEFT,
    RETIRED,
    SUBMITTED,
)
from tests.unit.projections.histories import at, recorded


def view_of[K: str, V](
    projection: Projection[K, V], events: Sequence[Event]
) -> V | None:
    view: V | None = None
    for position, event in enumerate(events, start=1):
        view = projection.evolve(view, position, recorded(position, event))
    return view


def test_a_configured_service_has_its_limits_and_who_set_them() -> None:
    assert view_of(SERVICES, [CONFIGURED]) == ServiceView(
        name=ECHO, runs_per_user=5, max_runs=10, source="settings", position=1
    )


def test_a_retired_service_keeps_its_limits() -> None:
    assert view_of(SERVICES, [CONFIGURED, RETIRED]) == ServiceView(
        name=ECHO,
        runs_per_user=5,
        max_runs=10,
        source="api",
        retired=True,
        position=2,
    )


def test_a_service_that_is_configured_again_is_back() -> None:
    view = view_of(SERVICES, [CONFIGURED, RETIRED, CONFIGURED])
    assert view is not None
    assert not view.retired


def test_a_client_is_there_from_its_join() -> None:
    assert view_of(CLIENTS, [JOINED]) == ClientView(
        client_id=CLIENT,
        name="bench",
        version="0.1.0",
        incarnation=FIRST_LIFE,
        slots=4,
        services=(ECHO,),
        status="joined",
        joined_at=at(1),
        changed_at=at(1),
        position=1,
    )


def test_a_client_that_left_and_one_that_was_lost_differ() -> None:
    left = view_of(CLIENTS, [JOINED, LEFT])
    gone = view_of(CLIENTS, [JOINED, CLIENT_LOST])
    assert left is not None
    assert gone is not None
    assert (left.status, gone.status) == ("left", "lost")
    assert (gone.joined_at, gone.changed_at) == (at(1), at(2))


def test_an_unknown_service_or_client_gets_no_view_by_going() -> None:
    assert view_of(SERVICES, [RETIRED]) is None
    assert view_of(CLIENTS, [LEFT]) is None


def test_a_job_is_no_event_of_its_service() -> None:
    assert SERVICES.key(SUBMITTED) is None
    assert CLIENTS.key(SUBMITTED) is None
