"""Jobs of the original: by what they are known, so that none is imported twice."""

import base64
import hashlib

import msgspec

from orchestrator.domain.ids import JobId

_ID_BYTES = 16


def imported_job_id(origin: str, number: int) -> JobId:
    """Return the one id that a job of the original has here.

    `origin` is the name of its directory there: a UUID, so that the jobs of two
    installations do not meet.

    >>> imported_job_id("6d1f0d8e", 7)
    'rfluw66zbwuvmobe5dw5fplreu'
    """
    digest = hashlib.sha256(msgspec.json.encode(["original", origin, number])).digest()
    encoded = base64.b32encode(digest[:_ID_BYTES]).decode()
    return JobId(encoded.rstrip("=").lower())
