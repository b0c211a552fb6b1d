"""A moment as a process sees it: its wall clock and its monotonic clock together."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from orchestrator.domain.ids import Timestamp


class Instant(Struct, frozen=True, kw_only=True):
    """Read once at an edge and passed in: the core has no clock of its own."""

    wall: Timestamp
    monotonic_us: int


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def unix_us(at: Timestamp) -> int:
    """Return a time as whole microseconds since 1970.

    >>> unix_us(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    return (at - _EPOCH) // timedelta(microseconds=1)


def unix_ms(at: Timestamp) -> int:
    """Return a time as whole milliseconds since 1970."""
    return unix_us(at) // 1_000
