"""Submitting, showing, following and cancelling jobs."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, HeaderParameter
from litestar.response import Stream
from msgspec import Meta, Struct

from orchestrator import clock
from orchestrator.api.bodies import (
    CancelBody,
    EventBody,
    History,
    JobBody,
    SubmissionBody,
    event_body,
    job_body,
    links_of,
)
from orchestrator.api.event_stream import stream_events
from orchestrator.api.form_parts import json_part
from orchestrator.api.freshness import find_job, position_in, read_job, written
from orchestrator.api.injection import Api, HttpRequest, Injected, MinPosition
from orchestrator.api.openapi import AS_OF_HEADERS, JobForm, problems
from orchestrator.api.snippets import with_snippets
from orchestrator.api.submission import (
    Submitted,
    Wanted,
    job_id_for,
    received,
    require_service,
    submit,
)
from orchestrator.domain.commands import Asked, CancelJob
from orchestrator.domain.ids import CommandId, JobId, ServiceName, UserId
from orchestrator.domain.principal import Principal
from orchestrator.errors import MalformedRequestError
from projections.read_models.jobs import JobView

_EVENT_STREAM = "text/event-stream"
_PAGE = 1_000
_KEY = re.compile(r"[ -~]{1,255}")

type Label = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class JobRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part `job` of a submission; labels are public, so no free text."""

    service: str
    user: Annotated[str, Meta(min_length=1, max_length=128)]
    labels: Annotated[tuple[Label, ...], Meta(max_length=16)] = ()


@post(
    "/jobs",
    tags=["jobs"],
    operation_class=JobForm,
    responses=problems(400, 408, 413, 422, 503, 507),
)
async def create_job(
    request: HttpRequest,
    api: Injected[Api],
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(name="Idempotency-Key"),
    ] = None,
) -> Response[SubmissionBody]:
    """Queue a job: its files, and one part `job` of JSON that names service and user.

    With the header `Idempotency-Key`, sending the same again is harmless: the answer
    names the same job.
    """
    async with received(api, request, _service_of) as upload:
        wanted = _job_request(upload.fields)
        user = UserId(wanted.user)
        asker = await api.authenticator.user(request.headers, user)
        submitted = await submit(
            api,
            asker,
            upload,
            Wanted(
                job_id=_job_id(asker, idempotency_key),
                service=await require_service(api, wanted.service),
                user=user,
                labels=wanted.labels,
                is_new=idempotency_key is None,
            ),
        )
    return _created(submitted, api.root_path)


@get(
    "/jobs/{job_id:str}",
    tags=["jobs"],
    response_headers=AS_OF_HEADERS,
    responses=problems(404, 503),
)
async def show_job(
    request: HttpRequest,
    job_id: FromPath[str],
    api: Injected[Api],
    min_position: MinPosition = None,
) -> Response[JobBody]:
    """Return a job by its id, or by its number."""
    asker = await api.authenticator.caller(request.headers)
    view, as_of = await read_job(api, job_id, asker, min_position)
    queue_position = api.commands.queue_position(view.job_id)
    body = job_body(view, queue_position, api.root_path)
    body = await with_snippets(api, view, body)
    return Response(body, headers=as_of.headers())


@get(
    "/jobs/{job_id:str}/events",
    tags=["jobs"],
    response_headers=AS_OF_HEADERS,
    responses={
        200: ResponseSpec(History, description="All of it; or a stream, if accepted."),
        **problems(400, 404, 503),
    },
)
async def list_events(
    request: HttpRequest,
    job_id: FromPath[str],
    api: Injected[Api],
    min_position: MinPosition = None,
) -> Response[Any]:
    """Return what happened to a job.

    With `Accept: text/event-stream` it is followed up to its end; `Last-Event-ID`
    resumes after an interruption.
    """
    asker = await api.authenticator.caller(request.headers)
    view, as_of = await read_job(api, job_id, asker, min_position)
    if request.accept.best_match(["application/json", _EVENT_STREAM]) == _EVENT_STREAM:
        return Stream(
            stream_events(api, view.job_id, after=_last_event_id(request)),
            media_type=_EVENT_STREAM,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
    history = History(events=tuple(await _history(api, view.job_id)))
    return Response(history, headers=as_of.headers())


@post(
    "/jobs/{job_id:str}/cancel",
    tags=["jobs"],
    status_code=202,
    responses=problems(404, 409, 503),
)
async def cancel_job(
    request: HttpRequest,
    job_id: FromPath[str],
    api: Injected[Api],
) -> Response[CancelBody]:
    """End a job, whatever it is doing; what it has produced is kept."""
    asker = await api.authenticator.caller(request.headers)
    view, position = await cancel(api, asker, await find_job(api, job_id, asker))
    body = CancelBody(
        job_id=view.job_id,
        number=view.number,
        state=view.state,
        cancel_requested=view.cancel_requested or view.state == "cancelled",
        position=position,
    )
    return Response(body, headers={"Log-Position": str(position)})


async def cancel(api: Api, asker: Principal, view: JobView) -> tuple[JobView, int]:
    """Return the job as it is after its cancellation was stored, and where.

    Raises:
        JobEndedError: there is nothing left to cancel.
    """
    command = CancelJob(job_id=view.job_id)
    command_id = CommandId(clock.new_id())
    asked = Asked(command_id=command_id, by=asker, command=command)
    answered = await api.commands.ask(asked)
    await written(api, answered.position)
    return await find_job(api, view.job_id, asker), answered.position


async def _history(api: Api, job_id: JobId) -> list[EventBody]:
    found: list[EventBody] = []
    read = api.projector.read_model.job_events
    while page := await read(
        job_id,
        after=found[-1].position if found else 0,
        limit=_PAGE,
    ):
        found += [event_body(position, recorded) for position, recorded in page]
    return found


def _created(submitted: Submitted, root_path: str) -> Response[SubmissionBody]:
    links = links_of(submitted.job_id, root_path)
    body = SubmissionBody(
        job_id=submitted.job_id,
        number=submitted.number,
        state=submitted.state,
        position=submitted.position,
        links=links,
    )
    headers = {"Location": links.self, "Log-Position": str(submitted.position)}
    return Response(body, headers=headers)


def _service_of(fields: Mapping[str, str]) -> str | None:
    with suppress(MalformedRequestError):
        return ServiceName(_job_request(fields).service)
    return None


def _job_request(fields: Mapping[str, str]) -> JobRequest:
    return json_part(fields, "job", JobRequest)


def _job_id(asker: Principal, idempotency_key: str | None) -> JobId:
    if idempotency_key is None:
        return JobId(clock.new_id())
    if not _KEY.fullmatch(idempotency_key):
        why = "needs 1 to 255 printable ASCII characters"
        raise MalformedRequestError(field="Idempotency-Key", why=why)
    return job_id_for(asker, idempotency_key)


def _last_event_id(request: HttpRequest) -> int:
    text = request.headers.get("Last-Event-ID", "0")
    position = position_in(text)
    if position is None:
        why = "is not a position in the log"
        raise MalformedRequestError(field="Last-Event-ID", why=why)
    return position
