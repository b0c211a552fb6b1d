"""Who runs jobs, and what they offer."""

from litestar import Response, get

from orchestrator.api.bodies import ClientList
from orchestrator.api.freshness import fresh
from orchestrator.api.injection import Api, HttpRequest, Injected, MinPosition
from orchestrator.api.openapi import AS_OF_HEADERS, problems


@get(
    "/clients",
    tags=["clients"],
    response_headers=AS_OF_HEADERS,
    responses=problems(503),
)
async def list_clients(
    request: HttpRequest,
    api: Injected[Api],
    min_position: MinPosition = None,
) -> Response[ClientList]:
    """Return the clients that are there, and the thousand that went last."""
    await api.authenticator.caller(request.headers)
    as_of = await fresh(api, min_position)
    body = ClientList(clients=tuple(api.projector.read_model.clients()))
    return Response(body, headers=as_of.headers())
