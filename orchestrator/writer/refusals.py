"""Errors that travel from the leader to the server that was asked: a code, the facts."""

import inspect
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct

from orchestrator.errors import (
    ClientHeldError,
    CommandRejectedError,
    EventTooLargeError,
    ForbiddenError,
    IdempotencyConflictError,
    InvalidCommandError,
    JobEndedError,
    LogFullError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
    ServiceMissingError,
    StaleAttemptError,
    UnknownClientError,
    UnknownJobError,
    UnknownServiceError,
    VersionRefusedError,
)

# Pinned: servers of two versions understand each other by these.
CODES: dict[type[OrchestratorError], str] = {
    CommandRejectedError: "rejected",
    UnknownJobError: "unknown_job",
    UnknownServiceError: "unknown_service",
    ServiceMissingError: "service_missing",
    JobEndedError: "job_ended",
    StaleAttemptError: "stale_attempt",
    IdempotencyConflictError: "idempotency_conflict",
    UnknownClientError: "unknown_client",
    ClientHeldError: "client_held",
    VersionRefusedError: "version_refused",
    ForbiddenError: "forbidden",
    InvalidCommandError: "invalid_command",
    LogFullError: "log_full",
    EventTooLargeError: "event_too_large",
    NotLeadingError: "not_leading",
    OutcomeUnknownError: "outcome_unknown",
}
_CLASSES = {code: cls for cls, code in CODES.items() if cls is not CommandRejectedError}


class Refusal(Struct, frozen=True, kw_only=True):
    """Why a command was not carried out."""

    code: str
    message: str
    facts: dict[str, Any] = {}


def pack(error: OrchestratorError) -> Refusal:
    """Return what says the same elsewhere.

    Raises:
        KeyError: nobody has given this class a code.
    """
    cls = type(error)
    facts = {name: getattr(error, name) for name in _facts_of(cls)}
    return Refusal(code=CODES[cls], message=str(error), facts=facts)


def unpack(refusal: Refusal) -> OrchestratorError:
    """Return the very error that was packed.

    One that only another version knows is a plain rejection with the same words.
    """
    cls = _CLASSES.get(refusal.code)
    if cls is None:
        return CommandRejectedError(refusal.message)
    try:
        facts = {
            name: msgspec.convert(refusal.facts[name], kind)
            for name, kind in _facts_of(cls).items()
        }
    except (KeyError, msgspec.ValidationError):
        return CommandRejectedError(refusal.message)
    return cls(**facts)


def _facts_of(cls: type[OrchestratorError]) -> dict[str, Any]:
    """Return the facts that make an error of this class, with their types."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    names = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    return {name: get_type_hints(cls.__init__)[name] for name in names}
