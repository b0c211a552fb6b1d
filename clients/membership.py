"""Whether the hub knows this client, and whether the client knows all its work."""

from clients.backoff import backoff_seconds
from clients.inputs import (
    Assigned,
    Beaten,
    Begin,
    Delivered,
    JoinAnswered,
    Level,
    Reconnected,
    Recovered,
    Rejoin,
    StopAsked,
    Tick,
)
from clients.outputs import AskToJoin, GiveUp, Ready, Wait
from orchestrator.wire import Join, Refused, Sync, Synced, Unavailable

# A message may be on its way while the beat is answered; two beats later it is not.
_BEATS_BEHIND = 2

type MembershipInput = (
    Begin | Tick | Reconnected | Rejoin | Delivered | JoinAnswered | Beaten
)
type MembershipOutput = (
    AskToJoin | Ready | Wait | GiveUp | Level | Assigned | StopAsked | Recovered
)


class Membership:
    """Joins, and keeps track of which messages were taken: a gap means sync."""

    def __init__(self, join: Join) -> None:
        self._join = join
        self._sync = Sync(client_id=join.client_id, incarnation=join.incarnation)
        self._wanted: Join | Sync | None = None
        self._asking = False
        self._tries = 0
        self._retry_at: float | None = None
        self._joined = False
        self._said_waiting = False
        self._taken = 0
        # Messages taken beyond a gap, each with the position before it.
        self._beyond: list[tuple[int, int]] = []
        self._beats_behind = 0
        self._silent = False

    @property
    def is_joined(self) -> bool:
        """Return whether the hub has ever taken this client in."""
        return self._joined

    @property
    def last_position(self) -> int:
        """Return up to where everything for this client was taken."""
        return self._taken

    @property
    def due(self) -> float | None:
        """Return when a `Tick` is wanted, if ever."""
        return self._retry_at

    def step(self, signal: MembershipInput, now: float) -> list[MembershipOutput]:
        """Return what is to be done after this."""
        match signal:
            case Begin() | Rejoin():
                return self._want(self._join)
            case Tick():
                if self._retry_at is None or self._retry_at > now:
                    return []
                return self._try_now()
            case Reconnected():
                self._want_later(self._sync if self._joined else self._join)
                return self._try_now()
            case Delivered():
                return self._delivered(signal)
            case JoinAnswered():
                return self._answered(signal, now)
            case Beaten():
                return self._beaten(signal)

    def _want_later(self, report: Join | Sync) -> None:
        if not isinstance(self._wanted, Join):  # a join includes a sync
            self._wanted = report

    def _want(self, report: Join | Sync) -> list[MembershipOutput]:
        self._want_later(report)
        return self._ask()

    def _try_now(self) -> list[MembershipOutput]:
        self._retry_at = None
        return self._ask()

    def _ask(self) -> list[MembershipOutput]:
        if self._wanted is None or self._asking or self._retry_at is not None:
            return []
        report, self._wanted, self._asking = self._wanted, None, True
        return [AskToJoin(report=report)]

    def _answered(self, signal: JoinAnswered, now: float) -> list[MembershipOutput]:
        self._asking = False
        match signal.answer:
            case Synced() as level:
                return self._synced(level, signal.report)
            case Refused(code="unknown_client") if isinstance(signal.report, Sync):
                return self._want(self._join)
            case Refused() as refused:
                return [GiveUp(code=refused.code, message=refused.message)]
            case Unavailable(message=why):
                return self._unanswered(signal.report, why, now)
            case _:
                return self._unanswered(signal.report, "no server answers", now)

    def _synced(self, level: Synced, report: Join | Sync) -> list[MembershipOutput]:
        outputs: list[MembershipOutput] = []
        if isinstance(report, Join) and not self._joined:
            self._joined = True
            outputs.append(Ready(client_id=report.client_id))
        outputs.append(Level(position=level.position, attempts=level.attempts))
        if self._tries:
            outputs.append(Recovered())
        self._tries = 0
        self._taken = max(self._taken, level.position)
        self._close_gaps()
        if not self._beyond and isinstance(self._wanted, Sync):
            self._wanted = None
        return [*outputs, *self._ask()]

    def _unanswered(
        self, report: Join | Sync, why: str, now: float
    ) -> list[MembershipOutput]:
        self._want_later(report)
        self._tries += 1
        self._retry_at = now + backoff_seconds(self._tries)
        if self._joined or self._said_waiting:
            return []
        self._said_waiting = True
        return [Wait(why=why)]

    def _delivered(self, signal: Delivered) -> list[MembershipOutput]:
        if signal.position <= self._taken:
            return []
        self._beyond.append((signal.previous, signal.position))
        self._close_gaps()
        outputs: list[MembershipOutput] = [signal.work] if signal.work else []
        if self._beyond and self._joined:
            outputs += self._want(self._sync)
        return outputs

    def _close_gaps(self) -> None:
        left: list[tuple[int, int]] = []
        for previous, position in self._beyond:
            if previous <= self._taken:
                self._taken = max(self._taken, position)
            elif position > self._taken:
                left.append((previous, position))
        self._beyond = left

    def _beaten(self, signal: Beaten) -> list[MembershipOutput]:
        if signal.answer is None:
            self._silent = True
            return []
        outputs: list[MembershipOutput] = [Recovered()] if self._silent else []
        self._silent = False
        if not signal.answer.known:
            return [*outputs, *self._want(self._join)]
        behind = signal.answer.assignment_position > self._taken
        self._beats_behind = self._beats_behind + 1 if behind else 0
        if self._beats_behind < _BEATS_BEHIND:
            return outputs
        self._beats_behind = 0
        return [*outputs, *self._want(self._sync)]
