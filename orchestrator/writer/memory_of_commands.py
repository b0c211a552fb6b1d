"""Which commands were carried out lately, so that one sent again is recognised."""

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Self

from orchestrator.domain.events import Event, Recorded
from orchestrator.domain.ids import CommandId, Position, Timestamp

# By the writer's time. Ids of jobs and accepted reports are remembered for good.
_KEPT_FOR = timedelta(minutes=10)


class CommandMemory:
    """Command ids with the position of the last event that each caused."""

    def __init__(
        self,
        positions: Mapping[CommandId, Position] | None = None,
        order: Iterable[tuple[Timestamp, CommandId]] = (),
    ) -> None:
        self._positions: dict[CommandId, Position] = dict(positions or {})
        self._order: deque[tuple[Timestamp, CommandId]] = deque(order)

    def remember(self, position: Position, recorded: Recorded[Event]) -> None:
        """Note what a command caused; forget those too old by now."""
        while self._order and self._order[0][0] < recorded.at - _KEPT_FOR:
            del self._positions[self._order.popleft()[1]]
        command_id = recorded.command_id
        if command_id:
            if command_id not in self._positions:
                self._order.append((recorded.at, command_id))
            self._positions[command_id] = position

    def position_of(self, command_id: CommandId) -> Position | None:
        """Return where the command's last event is, if it was carried out lately."""
        return self._positions.get(command_id)

    def copy(self) -> Self:
        """Return a memory of its own with the same content."""
        return type(self)(self._positions, self._order)

    def entries(self) -> list[tuple[Timestamp, CommandId, Position]]:
        """Return all that is remembered, oldest first."""
        return [(at, id_, self._positions[id_]) for at, id_ in self._order]

    def restore(self, entries: list[tuple[Timestamp, CommandId, Position]]) -> None:
        """Take back what `entries` returned."""
        self._order = deque((at, id_) for at, id_, _ in entries)
        self._positions = {id_: position for _, id_, position in entries}
