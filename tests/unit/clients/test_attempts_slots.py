"""Attempts beside each other: slots, and an agent that closes."""

import pytest

from clients.inputs import Assigned, Closing, ProcessStarted, Settled, StopAsked
from clients.outputs import Abort, Ask, Remove, Run
from orchestrator.wire import Fetch
from tests.fakes.hub_rules import fetched, key
from tests.unit.clients.way import (
    ACCEPTED,
    CLAIMING,
    CLIENT,
    COLLECTING,
    DOWNLOADING,
    FETCHING,
    KEY,
    REPORTING,
    RUNNING,
    WAY,
    at,
    claim_answer,
    ended,
)


def test_a_surplus_waits_and_begins_when_a_slot_is_free() -> None:
    found = at(RUNNING, slots=1)
    other = Assigned(key=key("job-2"), position=11)
    assert found.step(other, 0.0) == []
    assert found.held == (KEY, key("job-2"))
    for signal in WAY[RUNNING:REPORTING]:
        found.step(signal, 0.0)
    fetch = Fetch(client_id=CLIENT, job_id=other.key[0], attempt=1)
    outputs = found.step(Settled(key=KEY), 0.0)
    assert outputs == [Remove(key=KEY), Ask(report=fetch)]


def test_a_waiting_attempt_that_is_stopped_never_gets_a_slot() -> None:
    found = at(RUNNING, slots=1)
    found.step(Assigned(key=key("job-2"), position=11), 0.0)
    found.step(StopAsked(key=key("job-2")), 0.0)
    assert found.step(Settled(key=key("job-2")), 0.0) == [Remove(key=key("job-2"))]
    for signal in WAY[RUNNING:REPORTING]:
        found.step(signal, 0.0)
    assert found.step(Settled(key=KEY), 0.0) == [Remove(key=KEY)]
    assert found.free_slots == 1


def test_the_slot_of_an_unkillable_attempt_stays_closed() -> None:
    found = at(RUNNING, slots=2)
    found.step(ended(failure="unkillable"), 0.0)
    for signal in WAY[COLLECTING:]:
        found.step(signal, 0.0)
    assert found.held == ()
    assert found.free_slots == 1


@pytest.mark.parametrize("phase", [FETCHING, DOWNLOADING])
def test_a_closing_agent_claims_nothing_more(phase: int) -> None:
    found = at(phase)
    assert found.step(Closing(), 0.0) == [Abort(key=KEY)]
    assert found.step(WAY[phase], 0.0) == []
    assert found.step(Assigned(key=key("job-2"), position=11), 0.0) == []


def test_a_closing_agent_finishes_a_claim_that_is_under_way() -> None:
    found = at(CLAIMING)
    assert found.step(Closing(), 0.0) == []
    assert found.may_start
    outputs = found.step(claim_answer(ACCEPTED), 0.0)
    assert outputs == [Run(key=KEY, fetched=fetched())]
    found.step(ProcessStarted(key=KEY), 0.0)
    assert not found.may_start
