"""The shell of the candidate: pings, waits, and stands for election."""

from collections.abc import Awaitable, Callable
from typing import assert_never

import anyio
from msgspec import Struct

from orchestrator import clock, codec
from orchestrator.domain.events import Event, Recorded, WriterElected
from orchestrator.domain.ids import CommandId, Position
from orchestrator.domain.principal import ORCHESTRATOR
from orchestrator.domain.subjects import WRITER
from orchestrator.errors import LogError
from orchestrator.event_log.port import Draft, EventLog
from orchestrator.writer.candidate import (
    Candidate,
    CandidateInput,
    CandidateOutput,
    Disconnected,
    ElectionLost,
    Ping,
    PingAnswered,
    PingSilent,
    PingUnheard,
    SetTimer,
    Stand,
    TermBegan,
    TimerFired,
)
from orchestrator.writer.state import WriterState
from orchestrator.writer.timeline import Timeline

type Pinged = PingAnswered | PingUnheard | PingSilent | Disconnected
type PingLeader = Callable[[Position], Awaitable[Pinged]]


class Won(Struct, frozen=True):
    """Our own election, as the log has it; the caller folds it."""

    position: Position
    recorded: Recorded[Event]


class Election:
    """A standby's watch over the leader, until this server leads itself."""

    def __init__(  # noqa: PLR0913 - what it asks, and who it is
        self,
        state: WriterState,
        log: EventLog,
        ping: PingLeader,
        candidate: Candidate,
        *,
        server_id: str,
        version: str,
    ) -> None:
        """Begin to watch; the candidate remembers what it saw in earlier watches."""
        self._state = state
        self._log = log
        self._ping = ping
        self._server_id = server_id
        self._version = version
        self._candidate = candidate
        self._term_began: Position | None = None
        self._changed = anyio.Event()

    def term_began(self, term: Position) -> None:
        """Say that the fold has passed a `writer.elected`."""
        self._term_began = term
        self._changed.set()

    async def win(self) -> Won:
        """Return our own `writer.elected` once the log has stored it."""
        outputs = self._candidate.start(self._state.term, clock.now())
        while True:
            given = await self._carry_out(outputs[0])
            if isinstance(given, Won):
                self._candidate.step(TermBegan(given.position), clock.now())
                return given
            outputs = self._candidate.step(given, clock.now())

    async def _carry_out(
        self,
        output: CandidateOutput,
    ) -> CandidateInput | Won:
        match output:
            case Ping():
                return await self._ping(output.term)
            case SetTimer():
                return await self._wait_until(output.at_us)
            case Stand():
                return await self._stand(output.previous_term)
            case _:
                assert_never(output)

    async def _wait_until(self, at_us: int) -> CandidateInput:
        seconds = max(0, at_us - clock.now().monotonic_us) / 1_000_000
        with anyio.move_on_after(seconds):
            await self._changed.wait()
        term, self._term_began = self._term_began, None
        self._changed = anyio.Event()
        return TimerFired() if term is None else TermBegan(term)

    async def _stand(self, previous_term: Position) -> CandidateInput | Won:
        now, expected = clock.now(), self._state.position
        recorded = Recorded[Event](
            at=Timeline(self._state.at, now).stamp(now),
            by=ORCHESTRATOR.id,
            command_id=CommandId(""),
            event=WriterElected(
                server_id=self._server_id,
                version=self._version,
                previous_term=previous_term,
            ),
        )
        draft = Draft(WRITER, codec.encode(recorded))
        try:
            await self._log.append([draft], expected=expected)
        except LogError:
            return ElectionLost()
        return Won(expected + 1, recorded)
