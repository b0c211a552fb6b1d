"""Which commands are known again."""

from msgspec import structs

from orchestrator.domain.events import Event, Recorded
from orchestrator.domain.ids import CommandId
from orchestrator.writer.memory_of_commands import CommandMemory
from tests.examples import SUBMITTED, recorded

ASKED = CommandId("asked")


def caused(by: str, *, seconds: int = 0) -> Recorded[Event]:
    return structs.replace(recorded(SUBMITTED, seconds), command_id=CommandId(by))


def test_a_command_is_known_by_the_position_of_its_last_event() -> None:
    memory = CommandMemory()
    memory.remember(4, caused(ASKED))
    memory.remember(5, caused(ASKED))
    assert memory.position_of(ASKED) == 5


def test_what_nobody_asked_for_is_not_remembered() -> None:
    memory = CommandMemory()
    memory.remember(4, caused(""))
    assert memory.position_of(CommandId("")) is None
    assert memory.entries() == []


def test_a_command_is_known_for_ten_minutes() -> None:
    memory = CommandMemory()
    memory.remember(1, caused(ASKED))
    memory.remember(2, caused("", seconds=600))
    assert memory.position_of(ASKED) == 1
    memory.remember(3, caused("", seconds=601))
    assert memory.position_of(ASKED) is None


def test_a_command_of_long_ago_that_is_carried_out_again_is_known_again() -> None:
    memory = CommandMemory()
    memory.remember(1, caused(ASKED))
    memory.remember(2, caused(ASKED, seconds=700))
    assert memory.position_of(ASKED) == 2


def test_what_it_hands_over_is_all_it_knows() -> None:
    memory, again = CommandMemory(), CommandMemory()
    for position in range(1, 5):
        memory.remember(position, caused(f"c{position % 3}", seconds=position))
    again.restore(memory.entries())
    assert again.entries() == memory.entries()
    for one in (memory, again):
        one.remember(9, caused("", seconds=603))
    assert again.entries() == memory.entries()
