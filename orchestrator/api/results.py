"""Fetching what a job left behind."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from orchestrator.api.downloads import Download, send
from orchestrator.api.freshness import read_job
from orchestrator.api.injection import Api, HttpRequest, Injected
from orchestrator.api.openapi import problems
from orchestrator.domain.events import Results
from orchestrator.errors import JobNotEndedError, NoResultsError
from orchestrator.files.port import manifest_key, result_key
from projections.read_models.jobs import JobView


@get(
    "/jobs/{job_id:str}/results",
    tags=["jobs"],
    media_type="application/zip",
    responses=problems(404, 409, 416, 503),
)
async def get_results(
    request: HttpRequest,
    job_id: FromPath[str],
    api: Injected[Api],
) -> Response[Any]:
    """Return the zip of what the job left: the same bytes every time.

    Ranges and conditional requests work. 409 while the job has not ended.
    """
    asker = await api.authenticator.caller(request.headers)
    view, _ = await read_job(api, job_id, asker)
    return await send_results(api, request, view)


@get(
    "/jobs/{job_id:str}/files",
    tags=["jobs"],
    responses=problems(404, 409, 503),
)
async def get_files(
    request: HttpRequest,
    job_id: FromPath[str],
    api: Injected[Api],
) -> Response[Any]:
    """Return the manifest: every file of the results with its size and sha256."""
    asker = await api.authenticator.caller(request.headers)
    view, _ = await read_job(api, job_id, asker)
    digest = _results_of(view).manifest_sha256
    download = Download(
        key=manifest_key(view.job_id, view.attempt, digest),
        etag=digest,
        filename=f"{view.number}.json",
        media_type="application/json",
    )
    return await send(api, request, download)


async def send_results(
    api: Api,
    request: HttpRequest,
    view: JobView,
) -> Response[Any]:
    """Return the archive of a job's accepted attempt.

    Raises:
        JobNotEndedError, NoResultsError, FileMissingError, RangeUnsatisfiableError.
    """
    digest = _results_of(view).manifest_sha256
    download = Download(
        key=result_key(view.job_id, view.attempt, digest),
        etag=digest,
        filename=f"{view.number}.zip",
        media_type="application/zip",
    )
    return await send(api, request, download)


def _results_of(view: JobView) -> Results:
    if not view.ended:
        raise JobNotEndedError(job_id=view.job_id, state=view.state)
    if view.results is None:
        raise NoResultsError(job_id=view.job_id, state=view.state)
    return view.results
