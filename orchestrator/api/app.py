"""The application: all routes, one way to tell errors, one document."""

from litestar import Litestar, Response
from litestar.di import Provide

from orchestrator.api import (
    clients,
    health,
    imports,
    job_list,
    jobs,
    legacy,
    openapi,
    problems,
    results,
    services,
    transfers,
)
from orchestrator.api.injection import Api, HttpRequest

_HANDLERS = [
    jobs.create_job,
    job_list.list_jobs,
    jobs.show_job,
    jobs.list_events,
    jobs.cancel_job,
    results.get_results,
    results.get_files,
    services.list_services,
    services.show_service,
    services.configure_service,
    clients.list_clients,
    imports.import_job,
    health.live,
    health.ready,
    health.health,
    legacy.ping,
    legacy.upload,
    legacy.download,
    legacy.terminate,
    transfers.get_inputs,
    transfers.put_results,
    openapi.swagger_page,
    openapi.swagger_asset,
]


def create_app(api: Api) -> Litestar:
    """Return the application over what it is given; `api/server.py` runs it."""

    def provide() -> Api:
        return api

    return Litestar(
        route_handlers=_HANDLERS,
        dependencies={"api": Provide(provide, sync_to_thread=False)},
        # Routing errors reach no other handler, so the body is chosen by path here.
        exception_handlers={Exception: _answer},
        openapi_config=openapi.openapi_config(api.root_path),
        # Each route that reads a body bounds it itself.
        request_max_body_size=None,
        logging_config=None,
    )


def _answer(request: HttpRequest, error: Exception) -> Response[bytes]:
    if legacy.is_legacy(request.url.path):
        return legacy.answer(request, error)
    return problems.answer(request, error)
