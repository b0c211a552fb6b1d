"""The shell of the leading machine: carries its outputs out, and the answers in."""

from collections.abc import Awaitable, Callable
from typing import assert_never

import anyio

from orchestrator import clock, codec
from orchestrator.domain.commands import Asked
from orchestrator.domain.subjects import subject_of
from orchestrator.errors import (
    AppendDoubtError,
    EventTooLargeError,
    FenceError,
    LogError,
    LogFullError,
    NotLeadingError,
    OrchestratorError,
)
from orchestrator.event_log.port import Draft, EventLog
from orchestrator.writer.commands import Answered
from orchestrator.writer.lead import Lead
from orchestrator.writer.lead_signals import (
    Answer,
    Append,
    AppendDoubtful,
    AppendRefused,
    AppendStored,
    CommandArrived,
    Input,
    ProofReturned,
    Prove,
    StepDown,
    Ticked,
    Ticket,
)

_TICK_SECONDS = 0.25


class _Asking:
    """One caller who waits for the machine's answer."""

    def __init__(self) -> None:
        self.answered = anyio.Event()
        self.outcome: Answered | OrchestratorError = NotLeadingError()


async def _as_it_came(asked: Asked) -> Asked:
    return asked


class Leader:
    """One term in office: from the election to the first doubt.

    `after_step` is called whenever the machine has moved on; `complete` puts into a
    command what must be looked up before it is decided.
    """

    def __init__(
        self,
        lead: Lead,
        log: EventLog,
        after_step: Callable[[], None],
        complete: Callable[[Asked], Awaitable[Asked]] = _as_it_came,
    ) -> None:
        self.lead = lead
        self._log = log
        self._after_step = after_step
        self._complete = complete
        self._callers: dict[Ticket, _Asking] = {}
        self._tickets = 0
        # The machine has one operation in flight at most.
        self._begin, self._begun = anyio.create_memory_object_stream[Append | Prove](1)
        self._over = anyio.Event()
        self.stepped_down_because = ""
        # On the monotonic clock: when the log was last asked and then said that
        # nobody else had written.
        self.proved_at_us: int | None = None

    async def ask(self, asked: Asked) -> Answered:
        """Return the answer to a command; see `Commands.ask` for what it raises."""
        asked = await self._complete(asked)
        self._tickets += 1
        ticket, asking = self._tickets, _Asking()
        self._callers[ticket] = asking
        try:
            self.step(CommandArrived(ticket, asked))
            await asking.answered.wait()
        finally:
            self._callers.pop(ticket, None)
        if isinstance(asking.outcome, OrchestratorError):
            raise asking.outcome
        return asking.outcome

    def step(self, given: Input) -> None:
        """Give the machine an input and carry its outputs out."""
        for output in self.lead.step(given, clock.now()):
            match output:
                case Append() | Prove():
                    self._begin.send_nowait(output)
                case Answer():
                    self._answer(output)
                case StepDown():
                    self.stepped_down_because = output.why
                    self._over.set()
                case _:
                    assert_never(output)
        self._after_step()

    def _answer(self, answer: Answer) -> None:
        asking = self._callers.get(answer.ticket)
        if asking is not None:  # else the caller has gone; the event stands
            asking.outcome = answer.outcome
            asking.answered.set()

    @property
    def is_over(self) -> bool:
        """Whether this term in office is over."""
        return self._over.is_set()

    async def ended(self) -> None:
        """Return once this term in office is over."""
        await self._over.wait()

    async def run(self) -> None:
        """Lead until the machine steps down."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._operate)
                tasks.start_soon(self._tick)
                self.step(Ticked())
                await self._over.wait()
                tasks.cancel_scope.cancel()
        finally:
            # Whoever asked meanwhile must not wait for ever.
            if not self._over.is_set():
                self.step(AppendDoubtful("the server stops"))
            self._begin.close()
            self._begun.close()

    async def _operate(self) -> None:
        async for operation in self._begun:
            began_us = clock.now().monotonic_us
            if isinstance(operation, Append):
                outcome = await self._append(operation)
            else:
                outcome = await self._prove()
            if isinstance(outcome, AppendStored):
                self.proved_at_us = began_us
            self.step(outcome)

    async def _append(self, append: Append) -> Input:
        drafts = [
            Draft(subject_of(recorded.event), codec.encode(recorded))
            for recorded in append.events
        ]
        try:
            await self._log.append(drafts, expected=append.expected)
        except (LogFullError, EventTooLargeError) as error:
            return AppendRefused(error)
        except (FenceError, AppendDoubtError) as error:
            return AppendDoubtful(str(error))
        return AppendStored()

    async def _prove(self) -> Input:
        try:
            end = await self._log.end()
        except LogError as error:
            return AppendDoubtful(str(error))
        return ProofReturned(end.position)

    async def _tick(self) -> None:
        while True:
            await anyio.sleep(_TICK_SECONDS)
            self.step(Ticked())
