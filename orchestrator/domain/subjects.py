"""Subjects of the log, and how ids become their tokens."""

import re
from typing import assert_never

from orchestrator.domain.events import (
    AttemptLost,
    ClientJoined,
    ClientLeft,
    ClientLost,
    Event,
    JobAssigned,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobImported,
    JobStarted,
    JobStopRequested,
    JobSubmitted,
    ServiceConfigured,
    ServiceRetired,
    WriterElected,
)

WRITER = "writer"

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def token(identifier: str) -> str:
    """Return an id as one subject token; distinct ids give distinct tokens.

    >>> token("haddock"), token("a.b"), token("50%"), token("")
    ('haddock', 'a%2Eb', '50%25', '%')
    """
    if _PLAIN.fullmatch(identifier):
        return identifier
    return "".join(map(_escape, identifier)) or "%"


def _escape(char: str) -> str:
    if _PLAIN.fullmatch(char):
        return char
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def assignments_of(client_id: str) -> str:
    """Return the subject on which one client's work is written."""
    return f"assignments.{token(client_id)}"


def subject_of(event: Event) -> str:
    """Return the subject that an event is written on."""
    match event:
        case JobAssigned() | JobStopRequested():
            return assignments_of(event.client_id)
        case (
            JobSubmitted()
            | JobImported()
            | JobStarted()
            | JobCompleted()
            | JobFailed()
            | AttemptLost()
            | JobCancelRequested()
            | JobCancelled()
        ):
            return f"jobs.{token(event.service)}.{token(event.job_id)}"
        case ServiceConfigured() | ServiceRetired():
            return f"services.{token(event.service)}"
        case ClientJoined() | ClientLeft() | ClientLost():
            return f"clients.{token(event.client_id)}"
        case WriterElected():
            return WRITER
        case _:
            assert_never(event)
