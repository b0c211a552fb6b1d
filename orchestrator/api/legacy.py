"""The original contract: portals written for the original work unchanged."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Struct

from orchestrator import clock
from orchestrator.api.freshness import find_job, number_in, read_job
from orchestrator.api.injection import Api, HttpRequest, Injected
from orchestrator.api.jobs import cancel
from orchestrator.api.openapi import UploadForm
from orchestrator.api.problems import describe
from orchestrator.api.results import send_results
from orchestrator.api.submission import Wanted, received, require_service, submit
from orchestrator.domain.ids import JobId, ServiceName, UserId
from orchestrator.errors import (
    FormFieldError,
    JobEndedError,
    MalformedRequestError,
    OutcomeUnknownError,
    UnknownServiceError,
)
from projections.read_models.jobs import JobView, JobWord

_PATHS = re.compile(
    r"/|/(health|upload|ping)/?|/(download|download_partial|terminate)/.*"
)
_USER_ID = re.compile(r"([+-]?)0*([0-9]{1,10})", re.ASCII)
_INT32 = range(-(2**31), 2**31)
_GATEWAY_TIMEOUT = 504

_WORDS: dict[JobWord, str] = {
    "queued": "Queued",
    "assigned": "Submitted",
    "running": "Running",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Killed",
    "invalid": "Invalid",
    "cleaned": "Cleaned",
}


class StatusBody(Struct, frozen=True, kw_only=True):
    """The original's answer to everything about a job."""

    id: int = 0
    status: str = "Unknown"
    message: str = ""


class Pong(Struct, frozen=True, kw_only=True):
    """The original's greeting."""

    message: str = "pong"


@get("/", tags=["original"], sync_to_thread=False)
def ping() -> Pong:
    """Return a greeting."""
    return Pong()


@post("/upload", tags=["original"], operation_class=UploadForm)
async def upload(request: HttpRequest, api: Injected[Api]) -> StatusBody:
    """Queue a job: files, and the text fields `user_id` and `service`."""
    try:
        async with received(api, request, lambda fields: fields.get("service")) as form:
            user = _user_in(form.fields)
            service = await _service_in(api, form.fields)
            job_id = JobId(clock.new_id())
            wanted = Wanted(job_id=job_id, service=service, user=user, is_new=True)
            asker = await api.authenticator.user(request.headers, user)
            submitted = await submit(api, asker, form, wanted)
    except UnknownServiceError as error:
        raise FormFieldError(field="service", fault="Invalid") from error
    # An upload that can never run is Queued here too: the next look says Invalid.
    return StatusBody(
        id=submitted.number,
        status="Queued",
        message=f"Job {submitted.number} successfully uploaded",
    )


@get("/download/{number:str}", tags=["original"])
async def download(
    request: HttpRequest,
    number: FromPath[str],
    api: Injected[Api],
) -> Response[Any]:
    """Return a completed job's zip, or else the state that the job is in."""
    asker = await api.authenticator.caller(request.headers)
    view, as_of = await read_job(api, _number(number), asker)
    if view.state == "completed":
        return await send_results(api, request, view)
    return Response(_status(view, reason_of(view)), headers=as_of.headers())


@post("/terminate/{number:str}", tags=["original"], status_code=200)
async def terminate(
    request: HttpRequest,
    number: FromPath[str],
    api: Injected[Api],
) -> Response[StatusBody]:
    """End a job; its status becomes Killed once nothing of it runs any more."""
    asker = await api.authenticator.caller(request.headers)
    view = await find_job(api, _number(number), asker)
    try:
        view, _ = await cancel(api, asker, view)
    except JobEndedError:
        view, _ = await read_job(api, number, asker)
        why = f"could not terminate: the job has already ended ({_WORDS[view.state]})"
        return Response(_status(view, why), status_code=409)
    return Response(_status(view, f"Job {view.number} terminated"))


def is_legacy(path: str) -> bool:
    """Say whether errors on a path are told in the original's words.

    >>> is_legacy("/download/7"), is_legacy("/"), is_legacy("/jobs")
    (True, True, False)
    """
    return _PATHS.fullmatch(path) is not None


def answer(request: HttpRequest, error: Exception) -> Response[bytes]:
    """Return an error as a StatusBody."""
    problem, headers = describe(error)
    status = problem.status
    if isinstance(error, OutcomeUnknownError) and request.url.path == "/upload":
        # Without a key, sending it again could make a second job of it.
        status, headers = _GATEWAY_TIMEOUT, {}
    return Response(
        msgspec.json.encode(StatusBody(message=problem.detail)),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def reason_of(view: JobView) -> str:
    """Return why a job is as it is, where there is more to say than its state."""
    match view:
        case JobView(state="invalid", reason=str()):
            where = "" if view.line is None else f" (run.sh line {view.line})"
            return f"{view.reason}{where}"
        case JobView(state="failed", signal=int(number)):
            return f"killed by signal {number}"
        case JobView(state="failed", exit_code=int(code)):
            return f"exit code {code}"
        case JobView(state="failed" | "queued" | "cleaned"):
            return (view.reason or "").replace("_", " ")
        case _:
            return ""


def _status(view: JobView, message: str) -> StatusBody:
    return StatusBody(id=view.number, status=_WORDS[view.state], message=message)


def _number(text: str) -> str:
    if number_in(text) is None:
        why = "must be an unsigned 32-bit number"
        raise MalformedRequestError(field="id", why=why)
    return text


def _user_in(fields: Mapping[str, str]) -> UserId:
    """Return the signed 32-bit number that the original wants, in its one spelling."""
    if "user_id" not in fields:
        raise FormFieldError(field="user_id", fault="Missing")
    found = _USER_ID.fullmatch(fields["user_id"])
    if found is None or int("".join(found.groups())) not in _INT32:
        raise FormFieldError(field="user_id", fault="Invalid")
    return UserId(str(int("".join(found.groups()))))


async def _service_in(api: Api, fields: Mapping[str, str]) -> ServiceName:
    if "service" not in fields:
        raise FormFieldError(field="service", fault="Missing")
    return await require_service(api, fields["service"])
