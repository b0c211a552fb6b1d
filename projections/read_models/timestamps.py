"""Times as the tables hold them: whole microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Return a time as a number.

    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    return (at - _EPOCH) // _MICROSECOND


def optional_us(at: datetime | None) -> int | None:
    """Return a time as a number, where there is one."""
    return None if at is None else to_us(at)


def from_us(microseconds: int) -> datetime:
    """Return the time that a number stands for, aware and UTC.

    >>> from_us(1_000_005).isoformat()
    '1970-01-01T00:00:01.000005+00:00'
    """
    return _EPOCH + timedelta(microseconds=microseconds)


def optional_time(microseconds: int | None) -> datetime | None:
    """Return the time that a number stands for, where there is one."""
    return None if microseconds is None else from_us(microseconds)
