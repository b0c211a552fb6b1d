"""Which numbers jobs may get: the next one, or a gap that imports have left."""

from bisect import bisect_right
from collections.abc import Iterable


class Numbers:
    """Every number is given once.

    An imported job may keep one that is higher than the next. What lies between then
    stays for other imports; a new job always gets one that is higher than all.
    """

    def __init__(
        self,
        next_number: int = 1,
        gaps: Iterable[tuple[int, int]] = (),
    ) -> None:
        self.next = next_number
        self.gaps = list(gaps)  # first and last of each, ascending

    def for_import(self, wanted: int) -> int:
        """Return the wanted number where nobody has or had it; else the next."""
        index = self._gap_at(wanted)
        if wanted >= self.next or index is not None:
            return wanted
        return self.next

    def submitted(self, number: int) -> None:
        """Take note of the number of a new job."""
        self.next = max(self.next, number + 1)

    def imported(self, number: int) -> None:
        """Take note of the number of an imported job."""
        if number >= self.next:
            if number > self.next:
                self.gaps.append((self.next, number - 1))
            self.next = number + 1
            return
        index = self._gap_at(number)
        if index is not None:
            first, last = self.gaps[index]
            rest = [(first, number - 1), (number + 1, last)]
            self.gaps[index : index + 1] = [gap for gap in rest if gap[0] <= gap[1]]

    def _gap_at(self, number: int) -> int | None:
        """Return which gap has a number in it."""
        index = bisect_right(self.gaps, number, key=lambda gap: gap[0]) - 1
        return index if index >= 0 and number <= self.gaps[index][1] else None
