"""Asking whoever leads: again at the next turn or a moment later, and no longer."""

from collections.abc import Awaitable, Callable, Mapping

import anyio
import pytest

from orchestrator.domain.commands import Asked
from orchestrator.domain.ids import Position
from orchestrator.errors import (
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
    UnknownJobError,
)
from orchestrator.writer.asking import Asking
from orchestrator.writer.commands import Answered
from tests.examples import CANCEL, asked

CANCEL_IT = asked(CANCEL, command_id="c-1")


type Fate = Callable[[], Awaitable[Answered]]


class Elsewhere:
    """Other servers: by term, what becomes of a command that is sent there."""

    def __init__(self, terms: Mapping[Position, Fate]) -> None:
        self._terms = terms
        self.received: list[tuple[Position, Asked]] = []

    async def __call__(self, term: Position, asked: Asked) -> Answered:
        self.received.append((term, asked))
        return await self._terms[term]()

    async def heard(self, count: int) -> None:
        while len(self.received) < count:  # noqa: ASYNC110 - a list rings no bell
            await anyio.sleep(0.001)


async def answers() -> Answered:
    return Answered(position=7)


async def refuses() -> Answered:
    raise UnknownJobError(job="job-1")


async def is_not_there() -> Answered:
    raise NotLeadingError


async def loses_the_answer() -> Answered:
    raise OutcomeUnknownError


async def hangs() -> Answered:
    await anyio.sleep_forever()
    raise AssertionError


def asking(elsewhere: Elsewhere, deadline_seconds: float = 5.0) -> Asking:
    return Asking(elsewhere, deadline_seconds=deadline_seconds)


async def test_the_leader_of_the_term_answers() -> None:
    elsewhere = Elsewhere({3: answers})
    door = asking(elsewhere)
    door.turn(term=3)
    assert await door.ask(CANCEL_IT) == Answered(position=7)
    assert elsewhere.received == [(3, CANCEL_IT)]


async def test_a_refusal_is_final() -> None:
    elsewhere = Elsewhere({3: refuses})
    door = asking(elsewhere)
    door.turn(term=3)
    with pytest.raises(UnknownJobError, match="job-1"):
        await door.ask(CANCEL_IT)
    assert len(elsewhere.received) == 1


async def test_a_command_that_nobody_took_is_sent_again() -> None:
    terms: dict[Position, Fate] = {3: is_not_there}
    elsewhere = Elsewhere(terms)
    door = asking(elsewhere)
    door.turn(term=3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(door.ask, CANCEL_IT)
        await elsewhere.heard(3)
        terms[3] = answers
    assert {each.command_id for _, each in elsewhere.received} == {"c-1"}


async def test_the_next_term_is_asked_as_soon_as_it_begins() -> None:
    elsewhere = Elsewhere({3: hangs, 9: answers})
    door = asking(elsewhere)
    door.turn(term=3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(door.ask, CANCEL_IT)
        await elsewhere.heard(1)
        door.turn(term=9)
    assert elsewhere.received == [(3, CANCEL_IT), (9, CANCEL_IT)]


async def test_while_nobody_leads_nobody_is_asked() -> None:
    elsewhere = Elsewhere({3: answers})
    door = asking(elsewhere, deadline_seconds=0.2)
    with pytest.raises(NotLeadingError):
        await door.ask(CANCEL_IT)
    assert elsewhere.received == []


async def test_a_command_that_certainly_nobody_took_is_not_in_doubt() -> None:
    door = asking(Elsewhere({3: is_not_there}), deadline_seconds=0.2)
    door.turn(term=3)
    with pytest.raises(NotLeadingError):
        await door.ask(CANCEL_IT)


@pytest.mark.parametrize("fate", [hangs, loses_the_answer])
async def test_a_command_that_somebody_may_have_taken_is_in_doubt(
    fate: Fate,
) -> None:
    door = asking(Elsewhere({3: fate}), deadline_seconds=0.2)
    door.turn(term=3)
    with pytest.raises(OutcomeUnknownError):
        await door.ask(CANCEL_IT)


async def test_a_doubt_stays_although_later_nobody_is_there() -> None:
    elsewhere = Elsewhere({3: hangs, 9: is_not_there})
    door = asking(elsewhere, deadline_seconds=0.4)
    door.turn(term=3)
    raised: list[OrchestratorError] = []

    async def ask() -> None:
        try:
            await door.ask(CANCEL_IT)
        except OrchestratorError as error:
            raised.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await elsewhere.heard(1)
        door.turn(term=9)
    assert len(elsewhere.received) > 1
    assert [type(error) for error in raised] == [OutcomeUnknownError]


async def test_a_command_without_an_id_gets_one_and_keeps_it() -> None:
    elsewhere = Elsewhere({3: hangs, 9: answers})
    door = asking(elsewhere)
    door.turn(term=3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(door.ask, asked(CANCEL))
        await elsewhere.heard(1)
        door.turn(term=9)
    ids = [each.command_id for _, each in elsewhere.received]
    assert ids[0]
    assert ids == [ids[0]] * 2
