"""Events as bytes: pinned, readable, and never skipped when unknown."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from msgspec import Struct

from orchestrator import codec
from orchestrator.domain import events
from orchestrator.domain.events import Event
from orchestrator.errors import UndecodableEventError
from tests.examples import ONE_OF_EACH, recorded

GOLDEN = Path(__file__).parents[2] / "data" / "golden_events.jsonl"


def tag_of(event: Event) -> str:
    return str(type(event).__struct_config__.tag)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=tag_of)
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    data = codec.encode(recorded(event))
    assert codec.decode(data, position=1) == recorded(event)


def test_the_examples_hold_one_of_every_event_there_is() -> None:
    known = {
        str(each.__struct_config__.tag)
        for each in vars(events).values()
        if isinstance(each, type)
        and issubclass(each, Struct)
        and each.__struct_config__.tag is not None
    }
    assert known == {tag_of(event) for event in ONE_OF_EACH}


def test_the_bytes_of_every_event_are_what_they_always_were() -> None:
    golden = GOLDEN.read_bytes().splitlines()
    assert [codec.encode(recorded(event)) for event in ONE_OF_EACH] == golden


def test_an_event_is_json_that_a_person_can_read() -> None:
    text = json.loads(codec.encode(recorded(ONE_OF_EACH[0])))
    assert text["at"] == "2026-01-02T03:04:05Z"
    assert text["event"]["type"] == "job.submitted"


@given(junk=st.binary(max_size=50))
def test_what_is_no_event_is_refused_with_its_position(junk: bytes) -> None:
    with pytest.raises(UndecodableEventError) as refusal:
        codec.decode(junk, position=42)
    assert refusal.value.position == 42


def test_an_unknown_kind_of_event_is_refused() -> None:
    data = codec.encode(recorded(ONE_OF_EACH[0]))
    data = data.replace(b"job.submitted", b"job.from_the_future")
    with pytest.raises(UndecodableEventError, match="position 7"):
        codec.decode(data, position=7)


def test_a_field_added_later_is_ignored_by_this_version() -> None:
    data = codec.encode(recorded(ONE_OF_EACH[0]))
    newer = data.replace(b'"number":1', b'"number":1,"priority":3')
    assert codec.decode(newer, position=1) == recorded(ONE_OF_EACH[0])
