"""What a test sees of a log: its events, and whether a writer's state is their fold."""

from collections.abc import Sequence

import anyio

from orchestrator import codec
from orchestrator.domain.events import Event, JobSubmitted, Recorded, WriterElected
from orchestrator.domain.ids import Position
from orchestrator.event_log.port import EventLog
from orchestrator.writer import snapshot
from orchestrator.writer.office import Office
from orchestrator.writer.state import WriterState

PATIENCE_SECONDS = 10.0


async def events_up_to(log: EventLog, last: Position) -> list[Recorded[Event]]:
    """Return the events up to a position, once the log has come so far."""
    found: list[Recorded[Event]] = []
    with anyio.fail_after(PATIENCE_SECONDS):
        while len(found) < last:
            async for batch in log.follow(len(found)):
                found += [
                    codec.decode(each.data, position=each.position) for each in batch
                ]
                if len(found) >= last:
                    break
    return found[:last]


async def contents(log: EventLog) -> list[Recorded[Event]]:
    """Return every event that the log holds now."""
    return await events_up_to(log, (await log.end()).position)


def folded(events: Sequence[Recorded[Event]]) -> WriterState:
    """Return the state after these events."""
    state = WriterState()
    for position, each in enumerate(events, start=1):
        state.fold(position, each)
    return state


async def require_fold(office: Office, log: EventLog) -> None:
    """Expect that a leader's state is the fold of the log up to its position."""
    assert office.leader is not None
    state = office.leader.lead.state
    taken, position = snapshot.take(state), state.position
    assert taken == snapshot.take(folded(await events_up_to(log, position)))


def elections(events: Sequence[Recorded[Event]]) -> list[str]:
    """Return who was elected, in order."""
    return [
        each.event.server_id for each in events if isinstance(each.event, WriterElected)
    ]


def submissions(events: Sequence[Recorded[Event]]) -> list[str]:
    """Return the jobs that were submitted, in order."""
    return [
        each.event.job_id for each in events if isinstance(each.event, JobSubmitted)
    ]
