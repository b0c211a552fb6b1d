"""The one map from errors to HTTP: status codes live here, and RFC 9457 problems."""

import http
import re

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException
from msgspec import Struct

from orchestrator import clock, errors
from orchestrator.api.injection import HttpRequest

logger = structlog.stdlib.get_logger()

PROBLEM_JSON = "application/problem+json"
_RETRY_SECONDS = 2
_INTERNAL = 500
_NAMED_FIELD = re.compile(r"^Object .* field `(.+)`")


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, for programs (`type`, `status`) and for people (`detail`)."""

    type: str  # stable; a relative reference
    title: str
    status: int
    detail: str
    field: str | None = None  # at fault
    limit: float | None = None  # that was passed
    state: str | None = None  # of the job
    job_id: str | None = None
    known: tuple[str, ...] | None = None  # what would have been accepted
    request_id: str | None = None  # to look for in the server's output


class Kind(Struct, frozen=True):
    """One kind of problem; `retry` says that the same request may soon succeed."""

    status: int
    slug: str
    title: str
    retry: bool = False


# The nearest class in an error's ancestry counts.
_KINDS: dict[type[Exception], Kind] = {
    errors.UnknownJobError: Kind(404, "unknown-job", "No such job"),
    errors.ServiceMissingError: Kind(404, "unknown-service", "No such service"),
    errors.UnknownServiceError: Kind(422, "unknown-service", "No such service"),
    errors.UnknownClientError: Kind(404, "unknown-client", "No such client"),
    errors.JobEndedError: Kind(409, "job-ended", "The job has ended"),
    errors.StaleAttemptError: Kind(409, "stale-attempt", "Not your attempt"),
    errors.ClientHeldError: Kind(409, "client-held", "The client is at work"),
    errors.VersionRefusedError: Kind(409, "version-refused", "Version refused"),
    errors.IdempotencyConflictError: Kind(
        422,
        "idempotency-conflict",
        "The key was used with another body",
    ),
    errors.ForbiddenError: Kind(403, "forbidden", "Not allowed"),
    errors.InvalidCommandError: Kind(422, "invalid-value", "A value cannot be"),
    errors.CommandRejectedError: Kind(409, "refused", "Refused"),
    errors.NotLeadingError: Kind(503, "no-leader", "No leader", retry=True),
    errors.OutcomeUnknownError: Kind(
        503,
        "outcome-unknown",
        "Nobody knows yet whether it was stored",
        retry=True,
    ),
    errors.LogFullError: Kind(507, "log-full", "The event log is full"),
    errors.EventTooLargeError: Kind(413, "too-large", "Too large"),
    errors.LogError: Kind(503, "log-unreachable", "No event log", retry=True),
    errors.StorageFullError: Kind(507, "storage-full", "No space left"),
    errors.FileMissingError: Kind(404, "file-missing", "The file is not stored"),
    errors.ManifestMalformedError: Kind(422, "invalid-value", "Not a manifest"),
    errors.UploadMalformedError: Kind(400, "malformed-body", "Unreadable body"),
    errors.UploadTooLargeError: Kind(413, "too-large", "Too large"),
    errors.UploadTooSlowError: Kind(408, "too-slow", "Too slow"),
    errors.ReadModelBehindError: Kind(503, "behind", "Not there yet", retry=True),
    errors.MalformedRequestError: Kind(400, "invalid-value", "A value cannot be"),
    errors.FormFieldError: Kind(400, "invalid-value", "A value cannot be"),
    errors.BodyTooLargeError: Kind(413, "too-large", "Too large"),
    errors.HangUpError: Kind(400, "hang-up", "The body did not end"),
    errors.JobNotEndedError: Kind(409, "job-not-ended", "The job has not ended"),
    errors.NoResultsError: Kind(404, "no-results", "The job left no results"),
    errors.RangeUnsatisfiableError: Kind(416, "range", "No such range"),
    errors.TransferRefusedError: Kind(401, "transfer-token", "Token refused"),
    errors.TransferMismatchError: Kind(422, "mismatch", "Not what was announced"),
}


def describe(error: Exception) -> tuple[Problem, dict[str, str]]:
    """Return the problem that an error is, and the headers that go with it.

    An error that nobody foresaw is written to the output, once, under an id that the
    problem names; the caller learns nothing else of it.
    """
    if isinstance(error, HTTPException):
        return _of_framework(error)
    kind = next((_KINDS[cls] for cls in type(error).__mro__ if cls in _KINDS), None)
    if kind is None:
        return _unforeseen(error), {}
    problem = Problem(
        type=f"/problems/{kind.slug}",
        title=kind.title,
        status=kind.status,
        detail=_detail(error),
        **{
            name: fact
            for name in ("field", "limit", "state", "job_id", "known")
            if (fact := getattr(error, name, None)) is not None
        },
    )
    return problem, _headers(error, kind)


def _detail(error: Exception) -> str:
    if isinstance(error, errors.OutcomeUnknownError):
        return f"{error} (with the same Idempotency-Key, sending again is safe)"
    return str(error)


def _headers(error: Exception, kind: Kind) -> dict[str, str]:
    headers: dict[str, str] = {}
    if kind.retry:
        headers["Retry-After"] = str(_RETRY_SECONDS)
    if isinstance(error, errors.RangeUnsatisfiableError):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, errors.TransferRefusedError):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def _of_framework(error: HTTPException) -> tuple[Problem, dict[str, str]]:
    """Routing and validation: Litestar raises these before a handler runs."""
    if error.status_code >= _INTERNAL:
        return _unforeseen(error), {}
    phrase = http.HTTPStatus(error.status_code).phrase
    field, why = _first_fault(error)
    slug = "invalid-value" if field else phrase.lower().replace(" ", "-")
    problem = Problem(
        type=f"/problems/{slug}",
        title=phrase,
        status=error.status_code,
        detail=f"{field}: {why}" if field else why,
        field=field,
    )
    allow = isinstance(error, MethodNotAllowedException) and error.headers
    return problem, {"Allow": _allowed(error.headers or {})} if allow else {}


def _allowed(headers: dict[str, str]) -> str:
    """Return the methods of a path in one order, with HEAD beside every GET."""
    methods = {name.strip() for name in headers.get("allow", "").split(",")}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods - {""}))


def _first_fault(error: HTTPException) -> tuple[str | None, str]:
    match error.extra:
        case [{"key": str(key), "message": str(why)}, *_]:
            return named_field(why) or key, why
        case [{"message": str(why)}, *_]:
            return named_field(why), why
        case _:
            return None, error.detail


def named_field(why: str) -> str | None:
    """Return the field of an object that is missing, or one too many.

    >>> named_field("Object missing required field `user`")
    'user'
    """
    found = _NAMED_FIELD.search(why)
    return None if found is None else found[1]


def _unforeseen(error: Exception) -> Problem:
    request_id = clock.new_id()
    logger.error("request.failed", request_id=request_id, exc_info=error)
    return Problem(
        type="/problems/internal",
        title="Internal error",
        status=_INTERNAL,
        detail="this should not have happened; the server's output says more",
        request_id=request_id,
    )


def answer(_request: HttpRequest, error: Exception) -> Response[bytes]:
    """Return an error as `application/problem+json`."""
    problem, headers = describe(error)
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        headers=headers,
        media_type=PROBLEM_JSON,
    )
