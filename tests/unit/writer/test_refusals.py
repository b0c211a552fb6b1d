"""Refusals that travel: what a standby raises is what the leader raised."""

import inspect
from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec
import pytest

from orchestrator.errors import (
    CommandRejectedError,
    EventTooLargeError,
    LogFullError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
    StaleAttemptError,
    UnknownServiceError,
)
from orchestrator.writer.refusals import CODES, Refusal, pack, unpack

EXAMPLES: dict[Any, Any] = {str: "é'\n", int: 7, tuple[str, ...]: ("a", "b")}


def rejections(cls: type[OrchestratorError]) -> Iterator[type[OrchestratorError]]:
    yield cls
    for subclass in cls.__subclasses__():
        yield from rejections(subclass)


TRAVELLERS = [
    *rejections(CommandRejectedError),
    LogFullError,
    EventTooLargeError,
    NotLeadingError,
    OutcomeUnknownError,
]


def example_of(cls: type[OrchestratorError]) -> OrchestratorError:
    parameters = inspect.signature(cls.__init__).parameters.values()
    names = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    hints = get_type_hints(cls.__init__)
    facts = {name: EXAMPLES[hints[name]] for name in names}
    return cls(**facts) if facts or cls is not CommandRejectedError else cls("no")


def travelled(refusal: Refusal) -> Refusal:
    return msgspec.json.decode(msgspec.json.encode(refusal), type=Refusal)


@pytest.mark.parametrize("cls", TRAVELLERS, ids=lambda cls: cls.__name__)
def test_every_refusal_arrives_as_it_was(cls: type[OrchestratorError]) -> None:
    error = example_of(cls)
    arrived = unpack(travelled(pack(error)))
    assert type(arrived) is cls
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_a_code_stands_for_one_class() -> None:
    assert len(set(CODES.values())) == len(CODES)
    assert set(CODES) == set(TRAVELLERS)


def test_whether_a_refusal_is_final_arrives_too() -> None:
    for reported, settled in ((1, True), (3, False)):
        error = StaleAttemptError(reported=reported, current=2)
        arrived = unpack(travelled(pack(error)))
        assert isinstance(arrived, CommandRejectedError)
        assert arrived.settled is settled


def test_a_refusal_of_another_version_keeps_its_words() -> None:
    arrived = unpack(Refusal(code="quota_spent", message="nothing is left this hour"))
    assert type(arrived) is CommandRejectedError
    assert str(arrived) == "nothing is left this hour"


def test_a_known_refusal_with_other_facts_keeps_its_words() -> None:
    others: list[dict[str, Any]] = [{}, {"service": 7, "known": ["a"]}]
    for facts in others:
        refusal = Refusal(code="unknown_service", message="no such", facts=facts)
        arrived = unpack(travelled(refusal))
        assert type(arrived) is CommandRejectedError
        assert str(arrived) == "no such"


def test_a_fact_that_a_newer_version_added_does_no_harm() -> None:
    error = UnknownServiceError(service="x", known=("a",))
    packed = pack(error)
    facts = {**packed.facts, "since": "2030-01-01"}
    arrived = unpack(Refusal(code=packed.code, message="newer", facts=facts))
    assert isinstance(arrived, UnknownServiceError)
    assert arrived.known == ("a",)
