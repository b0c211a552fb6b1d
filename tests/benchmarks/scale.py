"""How much is measured: the full size, or a trial that only shows that it works."""

import os

from msgspec import Struct


class Scale(Struct, frozen=True, kw_only=True):
    """How often something is repeated, and how large it is each time."""

    repeats: int = 3
    factor: float = 1.0

    def of(self, count: int, *, least: int = 1) -> int:
        """Return a count at this scale.

        >>> Scale(factor=0.1).of(200), Scale(factor=0.001).of(200, least=5)
        (20, 5)
        """
        return max(least, round(count * self.factor))


def machine() -> str:
    """Return what every condition begins with."""
    return f"{os.cpu_count()} cores, fsync on every append (sync_interval: always)"
