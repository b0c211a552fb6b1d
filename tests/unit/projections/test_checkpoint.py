from datetime import timedelta

import pytest
from hypothesis import given, strategies
from msgspec import structs

from orchestrator.errors import LogLiedError
from orchestrator.event_log.memory import MemoryLog
from orchestrator.event_log.port import LogEnd, Message
from projections.checkpoint import Checkpoint, advance, check, verify
from tests.unit.projections.folding import log_of
from tests.unit.projections.histories import START, folded, seeded

MESSAGES = folded(seeded(1, 40))
CHECKPOINT = structs.replace(advance(Checkpoint(), MESSAGES), log_created_at=START)
END = LogEnd(position=50, created_at=START, first_position=1, deleted=0)
LAST = Message(40, "writer", MESSAGES[-1][2])


def test_the_log_that_was_folded_passes() -> None:
    check(CHECKPOINT, END, LAST)


def test_a_stream_that_was_created_anew_is_noticed() -> None:
    anew = structs.replace(END, created_at=START + timedelta(seconds=1))
    with pytest.raises(LogLiedError, match=r"created anew.*position 40"):
        check(CHECKPOINT, anew, LAST)


def test_a_log_that_ends_before_the_checkpoint_is_noticed() -> None:
    with pytest.raises(LogLiedError, match=r"ends at position 39.*position 40"):
        check(CHECKPOINT, structs.replace(END, position=39), None)


def test_another_message_at_the_checkpoint_is_noticed() -> None:
    altered = structs.replace(LAST, data=LAST.data + b" ")
    with pytest.raises(LogLiedError, match=r"another one.*position 40"):
        check(CHECKPOINT, END, altered)


def test_a_missing_message_at_the_checkpoint_is_noticed() -> None:
    with pytest.raises(LogLiedError, match=r"no message.*position 40"):
        check(CHECKPOINT, END, None)


def test_holes_in_the_log_are_noticed() -> None:
    with pytest.raises(LogLiedError, match="2 of its messages were deleted"):
        check(CHECKPOINT, structs.replace(END, deleted=2), LAST)


def test_a_log_whose_beginning_is_gone_is_noticed_by_an_empty_fold() -> None:
    with pytest.raises(LogLiedError, match="begins at position 7"):
        check(Checkpoint(), structs.replace(END, first_position=7), None)


def test_an_empty_fold_accepts_any_whole_log() -> None:
    check(Checkpoint(), END, None)
    check(Checkpoint(), LogEnd(0, START, 1, 0), None)


async def test_a_real_log_is_asked_for_its_end_and_the_message() -> None:
    log = await log_of(MESSAGES)
    end = await log.end()
    known = structs.replace(CHECKPOINT, log_created_at=end.created_at)
    assert await verify(known, log) == end


async def test_a_log_that_was_emptied_is_noticed() -> None:
    with pytest.raises(LogLiedError, match="ends at position 0"):
        await verify(advance(Checkpoint(), MESSAGES), MemoryLog())


@given(strategies.lists(strategies.integers(0, 40)))
def test_the_digest_is_the_same_in_any_batching(cuts: list[int]) -> None:
    checkpoint, start = Checkpoint(), 0
    for stop in (*sorted(cuts), 40):
        checkpoint = advance(checkpoint, MESSAGES[start:stop])
        start = stop
    assert checkpoint == advance(Checkpoint(), MESSAGES)


def test_the_digest_depends_on_every_message() -> None:
    position, recorded, data = MESSAGES[3]
    altered = [*MESSAGES]
    altered[3] = (position, recorded, data + b" ")
    before, after = advance(Checkpoint(), MESSAGES), advance(Checkpoint(), altered)
    assert before.digest != after.digest
    assert before.sha256 == after.sha256
