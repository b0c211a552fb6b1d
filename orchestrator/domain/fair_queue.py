"""Start-time fair queueing: the flow that was served least recently comes first.

After Goyal, Vin and Cheng, "Start-time Fair Queueing" (1996), with unit cost and
weight 1. A flow's tag grows by one each time it is served; the smallest tag is next.
The virtual time follows the tags that are served, and a flow that comes back from
idleness starts there: it keeps what it owes, and gets no credit for having been away.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping

# So many outdated entries are left in the heap before it is built anew.
_SLACK = 64


class FairQueue[K: str]:
    """An order over flows; armed flows are those that may be served now.

    A flow is *active* while it has work, and *armed* while it is active and nothing
    blocks it. Equal tags are ordered by key, so the order is total.
    """

    def __init__(
        self,
        virtual_time: int = 0,
        tags: Mapping[K, int] | None = None,
        active: Iterable[K] = (),
    ) -> None:
        """Start empty, or from what `virtual_time`, `debts` and the active flows were."""
        self.virtual_time = virtual_time
        self._tags: dict[K, int] = dict(tags or {})
        self._active: set[K] = set(active)
        self._armed: dict[K, int] = {}
        self._heap: list[tuple[int, K]] = []  # lazily deleted: _armed is the truth

    def tag(self, key: K) -> int:
        """Return a flow's tag: what it would be served at."""
        if key in self._active:
            return self._tags[key]
        return max(self._tags.get(key, 0), self.virtual_time)

    def tag_after(self, key: K) -> int:
        """Return what a flow's tag is once it was served now, at unit cost.

        One that was held up while others were served goes first, once: it gets no
        more credit for that than one that was away.
        """
        return max(self.tag(key), self.virtual_time) + 1

    def activate(self, key: K) -> None:
        """A flow has work; if it was idle it starts at the virtual time at least."""
        if key not in self._active:
            self._tags[key] = self.tag(key)
            self._active.add(key)

    def deactivate(self, key: K) -> None:
        """A flow has no more work; only what it owes is remembered."""
        self.disarm(key)
        self._active.discard(key)
        if self._tags.get(key, 0) <= self.virtual_time:
            self._tags.pop(key, None)

    def arm(self, key: K) -> None:
        """An active flow may be served."""
        tag = self._tags[key]
        if self._armed.get(key) != tag:
            self._armed[key] = tag
            heapq.heappush(self._heap, (tag, key))
            self._compact()

    def disarm(self, key: K) -> None:
        """A flow may not be served now."""
        self._armed.pop(key, None)

    def charge(self, key: K, *, tag: int, tag_after: int) -> None:
        """A flow was served at a tag; what it pays comes with the assignment."""
        self.virtual_time = max(self.virtual_time, tag)
        self._tags[key] = tag_after
        if key in self._armed:
            self.arm(key)

    def first(self) -> K | None:
        """Return the armed flow that is next."""
        while self._heap:
            tag, key = self._heap[0]
            if self._armed.get(key) == tag:
                return key
            heapq.heappop(self._heap)
        return None

    def in_order(self) -> Iterator[K]:
        """Yield the armed flows, next first."""
        for _, key in sorted((tag, key) for key, tag in self._armed.items()):
            yield key

    def debts(self) -> dict[K, int]:
        """Return the tags that matter: of active flows, and above the virtual time."""
        return {
            key: tag
            for key, tag in sorted(self._tags.items())
            if key in self._active or tag > self.virtual_time
        }

    def forget_settled(self) -> None:
        """Drop the tags of idle flows that the virtual time has overtaken."""
        self._tags = dict(self.debts())

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._armed) + _SLACK:
            self._heap = [(tag, key) for key, tag in self._armed.items()]
            heapq.heapify(self._heap)
