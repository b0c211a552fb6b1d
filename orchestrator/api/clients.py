"""Who runs jobs, and what they offer."""

from litestar import Response, get

from orchestrator.api.bodies import ClientList
from orchestrator.api.freshness import fresh
from orchestrator.api.injection import Api, HttpRequest, Injected, MinPosition
from orchestrator.api.openapi import problems


@get("/clients", tags=["clients"], responses=problems(503))
async def list_clients(
    request: HttpRequest,
    api: Injected[Api],
    min_position: MinPosition = None,
) -> Response[ClientList]:
    """Return all clients that ever joined, and whether they are there."""
    await api.authenticator.caller(request.headers)
    position = await fresh(api, min_position)
    body = ClientList(clients=tuple(api.projector.read_model.clients()))
    return Response(body, headers={"Log-Position": str(position)})
