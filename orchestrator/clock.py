"""The only place that reads clocks and makes random ids."""

import base64
import secrets
import time
from datetime import UTC, datetime

from orchestrator.domain.instant import Instant


def now() -> Instant:
    """Return this moment on both clocks."""
    return Instant(
        wall=datetime.now(UTC),
        monotonic_us=time.monotonic_ns() // 1_000,
    )


def new_id() -> str:
    """Return 26 random characters (a-z, 2-7): an id that nobody can guess."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def jitter_us(limit_us: int) -> int:
    """Return a random number of microseconds below the limit."""
    return secrets.randbelow(limit_us)
