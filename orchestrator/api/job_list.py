"""Listing jobs: filtered, newest first, a page at a time."""

from datetime import datetime
from typing import Annotated, get_args

import msgspec
from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from orchestrator.api.bodies import JobPage, job_body
from orchestrator.api.freshness import fresh, position_in
from orchestrator.api.injection import Api, HttpRequest, Injected, MinPosition
from orchestrator.api.openapi import AS_OF_HEADERS, problems
from orchestrator.domain.principal import Principal
from orchestrator.errors import MalformedRequestError
from projections.read_models.job_rows import JobFilter
from projections.read_models.jobs import JobView, JobWord

_PAGE = 20
_MAX_PAGE = 100
_STATES = get_args(JobWord.__value__)


@get(
    "/jobs",
    tags=["jobs"],
    response_headers=AS_OF_HEADERS,
    responses=problems(400, 503),
)
async def list_jobs(  # noqa: PLR0913, PLR0917 - one parameter a filter
    request: HttpRequest,
    api: Injected[Api],
    user: FromQuery[str | None] = None,
    service: FromQuery[str | None] = None,
    # Litestar keeps the name `state` for itself.
    job_state: Annotated[
        str | None,
        QueryParameter(name="state", enum=_STATES),
    ] = None,
    label: FromQuery[str | None] = None,
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=_MAX_PAGE)] = _PAGE,
    min_position: MinPosition = None,
) -> Response[JobPage]:
    """Return jobs, newest first; `since` and `until` bound when they were submitted."""
    asker = await api.authenticator.caller(request.headers)
    wanted = JobFilter(
        user=_visible(asker, user),
        service=service,
        state=_word(job_state),
        label=label,
        since=_aware("since", since),
        until=_aware("until", until),
    )
    before = _position(cursor)
    as_of = await fresh(api, min_position)
    # One more than asked for tells whether there is a next page.
    views = await api.projector.read_model.jobs(wanted, before=before, limit=limit + 1)
    page = _page(api, views, limit)
    return Response(page, headers=as_of.headers())


def _page(api: Api, views: list[JobView], limit: int) -> JobPage:
    shown = views[:limit]
    more = len(views) > limit
    return JobPage(
        jobs=tuple(
            job_body(view, api.commands.queue_position(view.job_id), api.root_path)
            for view in shown
        ),
        next_cursor=str(shown[-1].submitted_position) if more else None,
    )


def _visible(asker: Principal, user: str | None) -> str | None:
    """Return whose jobs are shown: a user sees only their own."""
    return asker.id if asker.role == "user" else user


def _word(state: str | None) -> JobWord | None:
    try:
        return msgspec.convert(state, JobWord | None)
    except msgspec.ValidationError as error:
        why = f"must be one of {', '.join(_STATES)}"
        raise MalformedRequestError(field="state", why=why) from error


def _aware(field: str, at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        why = "needs a time zone, as in 2030-01-31T12:00:00Z"
        raise MalformedRequestError(field=field, why=why)
    return at


def _position(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    position = position_in(cursor)
    if position is None:
        why = "is not one that a list has given"
        raise MalformedRequestError(field="cursor", why=why)
    return position
