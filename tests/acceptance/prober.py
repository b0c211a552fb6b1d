"""Asks for one page again and again from a process of its own, until its input ends.

`python -m tests.acceptance.prober URL`: prints the seconds that each answer took, as
a JSON list; an answer that is no success counts as a minute.
"""

import http.client
import json
import select
import sys
import time
from typing import override
from urllib.parse import urlsplit

from msgspec import Struct

_PAUSE_SECONDS = 0.005
_FAILED_SECONDS = 60.0
_OK = 200


class Latencies(Struct, frozen=True, kw_only=True):
    """How long answers took, in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    longest_ms: float

    @override
    def __str__(self) -> str:
        return (
            f"p50 {self.p50_ms:.1f}  p99 {self.p99_ms:.1f}  "
            f"longest {self.longest_ms:.1f} ms  ({self.count})"
        )


def latencies(seconds: list[float]) -> Latencies:
    """Return what a list of seconds, which is not empty, comes to."""
    ordered = sorted(each * 1000 for each in seconds)
    return Latencies(
        count=len(ordered),
        p50_ms=ordered[len(ordered) // 2],
        p99_ms=ordered[len(ordered) * 99 // 100],
        longest_ms=ordered[-1],
    )


def main(url: str) -> None:
    """Ask until the standard input ends, and print what that took."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=_FAILED_SECONDS
    )
    taken: list[float] = []
    while not select.select([sys.stdin], [], [], _PAUSE_SECONDS)[0]:
        taken.append(_ask(connection, address.path))
    sys.stdout.write(json.dumps(taken))


def _ask(connection: http.client.HTTPConnection, path: str) -> float:
    begun = time.monotonic()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return _FAILED_SECONDS
    return time.monotonic() - begun if answer.status == _OK else _FAILED_SECONDS


if __name__ == "__main__":
    main(sys.argv[1])
