"""Brings a command to whoever leads, here or elsewhere, until somebody answers."""

import anyio
from msgspec import structs

from orchestrator import clock
from orchestrator.domain.commands import Asked
from orchestrator.domain.ids import CommandId, Position
from orchestrator.errors import NotLeadingError, OutcomeUnknownError
from orchestrator.writer.commands import Answered
from orchestrator.writer.forwarding import Forward
from orchestrator.writer.leader import Leader

# The first wait is short: a new leader's ears open a moment after its election.
_FIRST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 0.5


class Asking:
    """Asks again, with the same command id, at the next turn or a moment later."""

    def __init__(self, forward: Forward, *, deadline_seconds: float) -> None:
        self._forward = forward
        self._deadline_seconds = deadline_seconds
        self._leader: Leader | None = None
        self._term: Position | None = None
        self._turned = anyio.Event()
        self._under_way: set[anyio.CancelScope] = set()

    def turn(
        self,
        *,
        leader: Leader | None = None,
        term: Position | None = None,
    ) -> None:
        """Say who leads from now on: we, the winner of a term, or nobody we know."""
        self._leader, self._term = leader, term
        # Swap before setting, so that whoever wakes up waits for the next turn.
        turned, self._turned = self._turned, anyio.Event()
        turned.set()
        # Whoever was asked may be gone; who leads now knows whether it was stored.
        for scope in self._under_way:
            scope.cancel()

    async def ask(self, asked: Asked) -> Answered:
        """Return the answer of whoever leads; see `Commands.ask` for what it raises."""
        if not asked.command_id:
            # By it a leader recognises what an earlier one has stored.
            asked = structs.replace(asked, command_id=CommandId(clock.new_id()))
        in_doubt = False
        wait_seconds = _FIRST_WAIT_SECONDS
        with anyio.move_on_after(self._deadline_seconds):
            while True:
                # Taken first: a turn while we ask is not to be missed.
                turned, doubted = self._turned, in_doubt
                # Whatever cuts this short, it may have been stored.
                in_doubt = True
                try:
                    return await self._ask_once(asked)
                except NotLeadingError:
                    in_doubt = doubted
                except OutcomeUnknownError:
                    pass
                with anyio.move_on_after(wait_seconds):
                    await turned.wait()
                longer = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)
                wait_seconds = _FIRST_WAIT_SECONDS if turned.is_set() else longer
        if in_doubt:
            raise OutcomeUnknownError
        raise NotLeadingError

    async def _ask_once(self, asked: Asked) -> Answered:
        if self._leader is not None:
            return await self._leader.ask(asked)
        if self._term is None:
            raise NotLeadingError
        with anyio.CancelScope() as scope:
            self._under_way.add(scope)
            try:
                return await self._forward(self._term, asked)
            finally:
                self._under_way.discard(scope)
        raise OutcomeUnknownError
