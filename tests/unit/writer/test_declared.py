"""Where servers' settings differ about services, an operator is told before it hurts."""

import pytest
from msgspec import structs

from orchestrator.domain.commands import ConfigureService
from orchestrator.domain.events import Event
from orchestrator.writer.declared import differences
from orchestrator.writer.state import WriterState
from tests.examples import CONFIGURED, RETIRED, configure, recorded

BY_API = structs.replace(CONFIGURED, source="api", max_runs=99)
RETIRED_BY_SETTINGS = structs.replace(RETIRED, source="settings")


def state_after(*events: Event) -> WriterState:
    state = WriterState()
    for position, event in enumerate(events, start=1):
        state.fold(position, recorded(event))
    return state


@pytest.mark.parametrize(
    ("events", "declared"),
    [
        ([CONFIGURED], [configure()]),
        ([CONFIGURED], []),
        ([BY_API], [configure()]),
        ([BY_API], [structs.replace(configure(), service="other")]),
        ([CONFIGURED, structs.replace(RETIRED, source="api")], [configure()]),
    ],
    ids=["the same", "none declared", "set by API", "API's own", "retired by API"],
)
def test_what_this_server_would_not_change_is_no_warning(
    events: list[Event],
    declared: list[ConfigureService],
) -> None:
    warnings = differences(state_after(*events), declared)
    assert [warning for warning in warnings if "echo" in warning] == []


def test_other_limits_are_named_with_both_values() -> None:
    [warning] = differences(state_after(CONFIGURED), [configure(max_runs=3)])
    assert "echo" in warning
    assert "(5, 3)" in warning
    assert "(5, 10)" in warning


@pytest.mark.parametrize("events", [[], [CONFIGURED, RETIRED_BY_SETTINGS]])
def test_a_service_that_the_log_lacks_is_named(events: list[Event]) -> None:
    [warning] = differences(state_after(*events), [configure()])
    assert warning == "service echo is in these settings but not in the log"


def test_a_service_that_this_server_would_retire_is_named() -> None:
    other = structs.replace(configure(), service="other")
    warnings = differences(state_after(CONFIGURED), [other])
    assert "service echo is in the log but not in these settings" in warnings
