"""What API and client reports ask of the writer, whoever leads."""

from typing import Literal, Protocol

from msgspec import Struct

from orchestrator.domain.commands import Asked
from orchestrator.domain.events import Event, Recorded
from orchestrator.domain.ids import JobId, Position
from orchestrator.wire import HeldAttempt


class Answered(Struct, frozen=True, kw_only=True):
    """A command was accepted; what it caused is stored in the log.

    `position` is that of its last event, or of the log's end as the answer was given
    where it caused none. `events` are those it caused (of the first time, where the
    command was sent again); `attempts` is filled for JoinClient and SyncClient.
    """

    position: Position
    events: tuple[Recorded[Event], ...] = ()
    attempts: tuple[HeldAttempt, ...] = ()


type Role = Literal["leading", "standing_by", "starting", "cut_off"]


class Leadership(Struct, frozen=True, kw_only=True):
    """Who leads, as this server sees it now."""

    role: Role
    term: Position  # 0: nobody was ever elected
    position: Position  # up to where this server has folded the log
    server_id: str
    # It leads, and the log has confirmed that within the last second: `position` is
    # then where everything ends that anybody was ever answered.
    proven: bool = False
    reasons: tuple[str, ...] = ()  # why it is not ready, when it is not


class Commands(Protocol):
    """The door to the writer."""

    async def ask(self, asked: Asked) -> Answered:
        """Have a command decided and stored.

        Raises:
            CommandRejectedError: refused, with the facts; nothing has changed.
            NotLeadingError: nothing was done: no leader within the deadline, on this
                server or another.
            LogFullError: nothing was done.
            OutcomeUnknownError: it may have been stored; the deadline has passed.
        """
        ...

    def leadership(self) -> Leadership:
        """Return this server's part at the moment."""
        ...

    def queue_position(self, job_id: JobId) -> int | None:
        """Return how many assignments of its service come before this job's, plus one.

        Nothing for a job that does not wait.
        """
        ...
