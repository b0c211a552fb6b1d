"""Services and their limits."""

import re

from litestar import Response, get, put
from litestar.params import FromPath, JSONBody

from orchestrator import clock
from orchestrator.api.bodies import Limits, ServiceBody, ServiceList
from orchestrator.api.freshness import catch_up, fresh, written
from orchestrator.api.injection import Api, HttpRequest, Injected, MinPosition
from orchestrator.api.openapi import AS_OF_HEADERS, problems
from orchestrator.domain.commands import Asked, ConfigureService
from orchestrator.domain.ids import CommandId, ServiceName
from orchestrator.errors import MalformedRequestError, ServiceMissingError
from projections.read_models.services import ServiceView

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BODY_BYTES = 64 << 10


@get(
    "/services",
    tags=["services"],
    response_headers=AS_OF_HEADERS,
    responses=problems(503),
)
async def list_services(
    request: HttpRequest,
    api: Injected[Api],
    min_position: MinPosition = None,
) -> Response[ServiceList]:
    """Return all services and their limits."""
    await api.authenticator.caller(request.headers)
    as_of = await fresh(api, min_position)
    views = api.projector.read_model.services()
    body = ServiceList(services=tuple(_body(view) for view in views))
    return Response(body, headers=as_of.headers())


@get(
    "/services/{name:str}",
    tags=["services"],
    response_headers=AS_OF_HEADERS,
    responses=problems(404, 503),
)
async def show_service(
    request: HttpRequest,
    name: FromPath[str],
    api: Injected[Api],
    min_position: MinPosition = None,
) -> Response[ServiceBody]:
    """Return one service and its limits."""
    await api.authenticator.caller(request.headers)
    as_of = await fresh(api, min_position)
    view = await _find(api, ServiceName(name))
    return Response(_body(view), headers=as_of.headers())


@put(
    "/services/{name:str}",
    tags=["services"],
    request_max_body_size=_BODY_BYTES,
    responses=problems(400, 403, 422, 503),
)
async def configure_service(
    request: HttpRequest,
    name: FromPath[str],
    data: JSONBody[Limits],
    api: Injected[Api],
) -> Response[ServiceBody]:
    """Set a service's limits, and create it where it does not exist.

    From then on the servers' settings files do not change it any more.
    """
    asker = await api.authenticator.operator(request.headers)
    if not _NAME.fullmatch(name):
        why = "needs 1 to 64 letters, digits, '_', '-' or '.'"
        raise MalformedRequestError(field="name", why=why)
    command = ConfigureService(
        service=ServiceName(name),
        runs_per_user=data.runs_per_user,
        max_runs=data.max_runs,
        source="api",
    )
    command_id = CommandId(clock.new_id())
    asked = Asked(command_id=command_id, by=asker, command=command)
    answered = await api.commands.ask(asked)
    await written(api, answered.position)
    body = ServiceBody(
        name=name,
        runs_per_user=data.runs_per_user,
        max_runs=data.max_runs,
        source="api",
        retired=False,
        position=answered.position,
    )
    return Response(body, headers={"Log-Position": str(answered.position)})


async def _find(api: Api, name: ServiceName) -> ServiceView:
    view = api.projector.read_model.service(name)
    if view is None:
        await catch_up(api)
        view = api.projector.read_model.service(name)
    if view is None:
        known = tuple(view.name for view in api.projector.read_model.services())
        raise ServiceMissingError(service=name, known=known)
    return view


def _body(view: ServiceView) -> ServiceBody:
    return ServiceBody(
        name=view.name,
        runs_per_user=view.runs_per_user,
        max_runs=view.max_runs,
        source=view.source,
        retired=view.retired,
        position=view.position,
    )
