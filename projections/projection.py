"""What a projection is: a named fold from events to the rows of one read model."""

from collections.abc import Callable

from msgspec import Struct

from orchestrator.domain.events import Event, Recorded
from orchestrator.domain.ids import Position

# A message as the log's follower hands it on: where it stands, what it says, and the
# bytes that said so.
type Folded = tuple[Position, Recorded[Event], bytes]


class Projection[K: str, V](Struct, frozen=True, kw_only=True):
    """A fold over rows; a changed `evolve` gets a new name, and a rebuild.

    `key` names the row that an event is about, if any. `evolve` is pure, and returns
    nothing where an event is about a row that does not exist.
    """

    name: str
    key: Callable[[Event], K | None]
    evolve: Callable[[V | None, Position, Recorded[Event]], V | None]
