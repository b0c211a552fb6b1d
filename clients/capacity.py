"""Who has one of the client's slots, and who waits for one."""

from collections import deque

from clients.inputs import AttemptKey


class Capacity:
    """At most `slots` attempts at once; a surplus waits in the order it came."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._taken: set[AttemptKey] = set()
        self._closed: set[AttemptKey] = set()
        self._waiting: deque[AttemptKey] = deque()

    @property
    def free(self) -> int:
        """Return how many slots nobody has."""
        return max(0, self._slots - len(self._taken) - len(self._closed))

    def admit(self, key: AttemptKey) -> bool:
        """Return whether the attempt has a slot now; else it waits for one."""
        if self.free and not self._waiting:
            self._taken.add(key)
            return True
        self._waiting.append(key)
        return False

    def occupy(self, key: AttemptKey) -> None:
        """Count an attempt that runs already, whether there was room or not."""
        self._taken.add(key)

    def release(self, key: AttemptKey) -> list[AttemptKey]:
        """Return those that have a slot now because this attempt needs none."""
        self._taken.discard(key)
        if key in self._waiting:
            self._waiting.remove(key)
        admitted: list[AttemptKey] = []
        while self.free and self._waiting:
            admitted.append(self._waiting.popleft())
            self._taken.add(admitted[-1])
        return admitted

    def close(self, key: AttemptKey) -> None:
        """Never give this attempt's slot to another: its processes do not end."""
        self._taken.discard(key)
        self._closed.add(key)
