"""What a hub says to a client's reports: the rules of the writer, a dozen lines long."""

from msgspec import Struct

from clients.inputs import AttemptKey, key_of
from orchestrator.domain.ids import ClientId, Incarnation, JobId, ServiceName
from orchestrator.wire import (
    Accepted,
    Answer,
    Ended,
    Fetch,
    Fetched,
    HeldAttempt,
    Join,
    Leave,
    Lost,
    Refused,
    Report,
    Started,
    Sync,
    Synced,
    Unavailable,
)

STALE = Refused(code="stale_attempt", message="stop it and discard its files")
TOKEN = "a-token"  # noqa: S105 - nothing real is behind it


class GivenAttempt(Struct, kw_only=True):
    """An attempt as the log knows it."""

    state: str = "assigned"  # started, ended, lost
    incarnation: Incarnation | None = None
    stop_requested: bool = False
    report: Ended | Lost | None = None
    position: int


class HubRules:
    """One client's attempts in the log.

    With `writes_events` an accepted report takes a position, as in a real log.
    """

    def __init__(self, *, writes_events: bool = True) -> None:
        self._event = int(writes_events)
        self.position = 0
        self.attempts: dict[AttemptKey, GivenAttempt] = {}
        self.joined: list[Join] = []
        self.left: list[Leave] = []
        self.refusal: Refused | Unavailable | None = None  # of every join
        self.known = True
        self.bundle_sha256 = ""

    def assign(self, key: AttemptKey) -> int:
        """Give an attempt to the client; return the position."""
        self.position += 1
        self.attempts[key] = GivenAttempt(position=self.position)
        return self.position

    def request_stop(self, key: AttemptKey) -> int:
        """Ask for the end of a running attempt; return the position."""
        self.position += 1
        self.attempts[key].stop_requested = True
        return self.position

    def lose(self) -> None:
        """Give up the client and all that it holds."""
        self.known = False
        for given in self.attempts.values():
            if given.state in {"assigned", "started"}:
                given.state = "lost"

    def answer(self, report: Report) -> Answer:
        """Return what the hub says, having taken it into the log."""
        match report:
            case Join():
                return self._join(report)
            case Sync():
                return self._level() if self.known else _UNKNOWN
            case Leave():
                self.left.append(report)
                return Accepted(position=self.position)
            case _:
                return self._attempt(report)

    def _join(self, report: Join) -> Answer:
        if self.refusal:
            return self.refusal
        self.joined.append(report)
        self.known = True
        return self._level()

    def _level(self) -> Synced:
        held = (
            HeldAttempt(
                job_id=key[0],
                attempt=key[1],
                started=given.state == "started",
                stop_requested=given.stop_requested,
            )
            for key, given in self.attempts.items()
            if given.state in {"assigned", "started"}
        )
        return Synced(position=self.position, attempts=tuple(held))

    def _attempt(self, report: Fetch | Started | Ended | Lost) -> Answer:
        given = self.attempts.get(key_of(report))
        if given is None:
            return STALE
        match report:
            case Fetch() if given.state in {"assigned", "started"}:
                return fetched(self.bundle_sha256)
            case Started() if given.state == "assigned":
                given.state, given.incarnation = "started", report.incarnation
                return self._accepted()
            case Started() if given.state == "started":
                is_same = given.incarnation == report.incarnation
                return self._accepted() if is_same else STALE
            case Ended() if given.state == "started":
                given.state, given.report = "ended", report
                return self._accepted()
            case Ended() if given.report == report:
                return self._accepted()
            case Lost() if given.state in {"assigned", "started"}:
                given.state, given.report = "lost", report
                return self._accepted()
            case _:
                return STALE

    def _accepted(self) -> Accepted:
        self.position += self._event
        return Accepted(position=self.position)


_UNKNOWN = Refused(code="unknown_client", message="join first")


def fetched(bundle_sha256: str = "") -> Fetched:
    """Return the right to fetch some inputs."""
    return Fetched(
        token=TOKEN,
        number=7,
        service=ServiceName("haddock"),
        user="ada",
        bundle_sha256=bundle_sha256,
        bundle_size=1,
    )


def join(*, slots: int = 2, incarnation: str = "one") -> Join:
    """Return a client's offer."""
    return Join(
        client_id=ClientId("client-a"),
        incarnation=Incarnation(incarnation),
        name="a",
        version="0.1.0",
        protocol=1,
        slots=slots,
    )


def key(job_id: str = "job-1", attempt: int = 1) -> AttemptKey:
    """Return an attempt's key."""
    return JobId(job_id), attempt
