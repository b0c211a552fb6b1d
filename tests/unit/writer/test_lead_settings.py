"""What a leader makes of the services that its settings declare."""

from collections.abc import Sequence

from msgspec import structs

from orchestrator.domain.commands import ConfigureService, RetireService
from orchestrator.domain.events import (
    Event,
    JobAssigned,
    ServiceConfigured,
    ServiceRetired,
)
from orchestrator.domain.ids import JobId, ServiceName
from orchestrator.writer.lead_signals import Ticked
from tests.examples import (
    ASSIGNED,
    CONFIGURED,
    ECHO,
    ELECTED,
    JOINED,
    OPERATOR,
    RETIRED,
    SUBMITTED,
    configure,
)
from tests.unit.writer.desk import Desk


def there(desk: Desk) -> set[str]:
    return set(desk.lead.state.clients.joined)


# -- what the settings declare ------------------------------------------------------------

FOLD = ServiceName("fold")


def declare(
    *services: str, runs_per_user: int = 5, max_runs: int = 10
) -> list[ConfigureService]:
    return [
        structs.replace(
            configure(runs_per_user=runs_per_user, max_runs=max_runs),
            service=ServiceName(service),
        )
        for service in services
    ]


def first_writes(
    *history: Event, declared: Sequence[ConfigureService] | None
) -> list[Event]:
    desk = Desk(*history, declared=declared)
    desk.give(Ticked())
    return desk.store_all()


def test_whoever_takes_office_appends_the_services_of_its_settings() -> None:
    assert first_writes(ELECTED, declared=declare(ECHO, FOLD)) == [
        CONFIGURED,
        structs.replace(CONFIGURED, service=FOLD),
    ]


def test_what_is_already_so_is_not_appended() -> None:
    assert first_writes(CONFIGURED, ELECTED, declared=declare(ECHO)) == []


def test_only_the_difference_is_appended() -> None:
    declared = declare(ECHO, max_runs=11)
    assert first_writes(CONFIGURED, ELECTED, declared=declared) == [
        structs.replace(CONFIGURED, max_runs=11)
    ]


def test_what_was_set_through_the_api_is_not_changed_by_settings() -> None:
    by_api = structs.replace(CONFIGURED, max_runs=3, source="api")
    assert first_writes(by_api, ELECTED, declared=declare(ECHO)) == []
    retired = (CONFIGURED, RETIRED, ELECTED)
    assert first_writes(*retired, declared=declare(ECHO)) == []


def test_a_service_that_the_settings_no_longer_declare_is_retired() -> None:
    assert first_writes(CONFIGURED, ELECTED, declared=declare(FOLD)) == [
        structs.replace(CONFIGURED, service=FOLD),
        ServiceRetired(service=ECHO, source="settings"),
    ]


def test_a_service_of_the_api_is_not_retired_by_settings() -> None:
    by_api = structs.replace(CONFIGURED, source="api")
    written = first_writes(by_api, ELECTED, declared=declare(FOLD))
    assert written == [structs.replace(CONFIGURED, service=FOLD)]


def test_a_retired_service_is_not_retired_again() -> None:
    gone = ServiceRetired(service=ECHO, source="settings")
    fold = structs.replace(CONFIGURED, service=FOLD)
    assert first_writes(CONFIGURED, gone, fold, ELECTED, declared=declare(FOLD)) == []


def test_a_retired_service_that_is_declared_again_is_back() -> None:
    gone = ServiceRetired(service=ECHO, source="settings")
    assert first_writes(CONFIGURED, gone, ELECTED, declared=declare(ECHO)) == [
        CONFIGURED
    ]


def test_without_declared_services_all_stay_as_they_are() -> None:
    assert first_writes(CONFIGURED, ELECTED, declared=None) == []
    assert first_writes(CONFIGURED, ELECTED, declared=[]) == []


def test_what_an_operator_sets_after_that_is_the_apis() -> None:
    desk = Desk(ELECTED, declared=declare(ECHO))
    desk.ask(
        structs.replace(configure(max_runs=2), source="api"),
        OPERATOR,
    )
    desk.ask(RetireService(service=ECHO, source="settings"), OPERATOR)
    events = desk.store_all()
    assert [event for event in events if isinstance(event, ServiceRetired)] == []
    last = events[-1]
    assert isinstance(last, ServiceConfigured)
    assert (last.source, last.max_runs) == ("api", 2)


def test_a_raised_limit_lets_those_who_wait_run_at_once() -> None:
    desk = Desk(
        structs.replace(CONFIGURED, runs_per_user=1),
        JOINED,
        SUBMITTED,
        ASSIGNED,
        structs.replace(SUBMITTED, job_id=JobId("job-2"), number=2),
        ELECTED,
    )
    desk.tick(1.0)
    assert desk.in_flight is None
    desk.ask(configure(runs_per_user=2), OPERATOR)
    events = desk.store_all()
    assert isinstance(events[-1], JobAssigned)
    assert events[-1].job_id == "job-2"
