"""What a client wants done: the outputs of its pure machines."""

from msgspec import Struct

from clients.inputs import AttemptKey, Final
from orchestrator.domain.ids import ClientId
from orchestrator.wire import Fetch, Fetched, Join, Started, Sync


class Entry(Struct, frozen=True, kw_only=True):
    """A report in the outbox; numbers grow, and say what is sent first."""

    number: int
    report: Final


class AskToJoin(Struct, frozen=True, kw_only=True):
    """Send this, and say `JoinAnswered`."""

    report: Join | Sync


class Ask(Struct, frozen=True, kw_only=True):
    """Send this, and say `Answered`."""

    report: Fetch | Started


class Download(Struct, frozen=True, kw_only=True):
    """Fetch and unpack the inputs, and say `InputsReady`."""

    key: AttemptKey
    fetched: Fetched


class Run(Struct, frozen=True, kw_only=True):
    """Start the process, and say `ProcessStarted`."""

    key: AttemptKey
    fetched: Fetched


class Watch(Struct, frozen=True, kw_only=True):
    """Wait for the end of the process, and say `ProcessEnded`."""

    key: AttemptKey


class Stop(Struct, frozen=True, kw_only=True):
    """Have the process stopped; `Watch` tells the end."""

    key: AttemptKey


class Collect(Struct, frozen=True, kw_only=True):
    """Make the archive, once (or `afresh`), and say `Collected`."""

    key: AttemptKey
    afresh: bool


class Deliver(Struct, frozen=True, kw_only=True):
    """Bring manifest and archive to the server, and say `ResultsDelivered`."""

    key: AttemptKey
    token: str


class Abort(Struct, frozen=True, kw_only=True):
    """Leave off what is under way for the attempt; say nothing more about it."""

    key: AttemptKey


class Remove(Struct, frozen=True, kw_only=True):
    """Remove the attempt from executor and disk, and say `Removed`."""

    key: AttemptKey


class Write(Struct, frozen=True, kw_only=True):
    """Put the report on disk, and say `Written`."""

    entry: Entry


class Send(Struct, frozen=True, kw_only=True):
    """Send a report that is on disk, and say `Replied`."""

    entry: Entry


class Erase(Struct, frozen=True, kw_only=True):
    """The report was answered: remove its file."""

    number: int


class Ready(Struct, frozen=True, kw_only=True):
    """The hub has taken this client in."""

    client_id: ClientId


class Wait(Struct, frozen=True, kw_only=True):
    """Nobody has answered our join yet; said once."""

    why: str


class GiveUp(Struct, frozen=True, kw_only=True):
    """The hub refuses this client for good."""

    code: str
    message: str


type Activity = Download | Run | Watch | Collect | Deliver | Remove
type Output = (
    Activity
    | AskToJoin
    | Ask
    | Stop
    | Abort
    | Write
    | Send
    | Erase
    | Ready
    | Wait
    | GiveUp
)
