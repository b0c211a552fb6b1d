"""How long to wait before the next try."""

_FIRST_SECONDS = 0.1
_LONGEST_SECONDS = 5.0


def backoff_seconds(tries: int) -> float:
    """Return the pause after so many failures in a row.

    >>> backoff_seconds(1), backoff_seconds(3), backoff_seconds(1000)
    (0.1, 0.4, 5.0)
    """
    return min(_FIRST_SECONDS * 2.0 ** min(tries - 1, 16), _LONGEST_SECONDS)
