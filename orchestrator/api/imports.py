"""Taking over a job of the original: its results, or what it is to be run with."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated

from litestar import Response, post
from msgspec import Meta, Struct

from orchestrator import clock
from orchestrator.api.form_parts import json_part
from orchestrator.api.freshness import find_job, written
from orchestrator.api.injection import Api, HttpRequest, Injected
from orchestrator.api.openapi import ImportForm, problems
from orchestrator.api.submission import received, verdict_on
from orchestrator.api.uploads import Upload
from orchestrator.domain.commands import Asked, ImportJob
from orchestrator.domain.events import (
    Bundle,
    ImportedState,
    ImportReason,
    Results,
)
from orchestrator.domain.ids import (
    BundleId,
    CommandId,
    JobId,
    Position,
    ServiceName,
    UserId,
)
from orchestrator.domain.imported import imported_job_id
from orchestrator.domain.principal import Principal
from orchestrator.errors import (
    CommandRejectedError,
    LogFullError,
    MalformedRequestError,
    NotLeadingError,
    UnknownJobError,
)
from orchestrator.files.port import input_key, manifest_key, result_key
from orchestrator.files.script_policy import Verdict
from orchestrator.files.transfer_token import mint
from projections.read_models.jobs import JobView, JobWord

_NO_VERDICT = Verdict()
_ATTEMPT = 1  # whose results those of an imported job are
_DELIVERY_TIME = timedelta(hours=6)


class ImportRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part `job`: what the original knew of a job, in our words."""

    origin: Annotated[str, Meta(min_length=1, max_length=255)]
    number: int
    service: str
    user: str
    state: ImportedState
    created_at: Annotated[datetime, Meta(tz=True)] | None = None
    reason: ImportReason | None = None
    results: Results | None = None


class ImportBody(Struct, frozen=True, kw_only=True):
    """What became of a job; one without a number waits for its results."""

    job_id: str
    imported: bool = False  # now: else it was before, or is not yet
    number: int | None = None
    state: JobWord | None = None
    position: Position | None = None
    token: str | None = None  # to bring results with


@post(
    "/imports",
    tags=["imports"],
    operation_class=ImportForm,
    responses=problems(400, 403, 408, 413, 422, 503, 507),
)
async def import_job(
    request: HttpRequest,
    api: Injected[Api],
) -> Response[ImportBody]:
    """Take over a job of the original; sending the same again changes nothing.

    201: it is imported, or was before (`imported` says which). 202: bring its results
    as those of attempt 1 first (`/transfers`, with the `token` of the answer), and send
    the same again. A job whose `state` is `queued` comes with its files, and is run.
    """
    asker = await api.authenticator.operator(request.headers)
    async with received(api, request, _service_of) as upload:
        wanted = json_part(upload.fields, "job", ImportRequest)
        job_id = imported_job_id(wanted.origin, wanted.number)
        with suppress(UnknownJobError):
            return _imported(await find_job(api, job_id, asker), now=False)
        if wanted.results and not await _are_stored(api, job_id, wanted.results):
            body = ImportBody(job_id=job_id, token=_token(api, job_id))
            return Response(body, status_code=202)
        if wanted.state != "queued":
            await _ask(api, asker, job_id, wanted)
        else:
            await _submit(api, asker, job_id, wanted, upload)
    return _imported(await find_job(api, job_id, asker), now=True)


def _service_of(fields: Mapping[str, str]) -> str | None:
    with suppress(MalformedRequestError):
        wanted = json_part(fields, "job", ImportRequest)
        return wanted.service if wanted.state == "queued" else None
    return None


def _imported(view: JobView, *, now: bool) -> Response[ImportBody]:
    body = ImportBody(
        job_id=view.job_id,
        imported=now,
        number=view.number,
        state=view.state,
        position=view.position,
    )
    return Response(body, headers={"Log-Position": str(view.position)})


async def _are_stored(api: Api, job_id: JobId, results: Results) -> bool:
    digest = results.manifest_sha256
    if not digest.isalnum():
        why = "must be hexadecimal digits"
        raise MalformedRequestError(field="job.results.manifest_sha256", why=why)
    archive = await api.files.size(result_key(job_id, _ATTEMPT, digest))
    manifest = await api.files.size(manifest_key(job_id, _ATTEMPT, digest))
    return archive == results.size and manifest is not None


def _token(api: Api, job_id: JobId) -> str:
    expires_at = clock.now().wall + _DELIVERY_TIME
    return mint(api.transfer_secret, job_id, _ATTEMPT, expires_at)


async def _submit(
    api: Api, asker: Principal, job_id: JobId, wanted: ImportRequest, upload: Upload
) -> None:
    """Have the job run from its files, stored durably first."""
    staged = upload.staged
    bundle = Bundle(
        bundle_id=BundleId(clock.new_id()), sha256=staged.sha256, size=staged.size
    )
    key = input_key(bundle.bundle_id)
    await api.files.commit(staged, key)
    try:
        verdict = await verdict_on(api, upload, ServiceName(wanted.service), bundle)
        await _ask(api, asker, job_id, wanted, bundle, verdict)
    except (CommandRejectedError, NotLeadingError, LogFullError):
        await api.files.delete(key)
        raise
    if (await find_job(api, job_id, asker)).bundle != bundle:
        await api.files.delete(key)  # somebody else imported it meanwhile


async def _ask(  # noqa: PLR0913, PLR0917 - the last two only of a job that is to run
    api: Api,
    asker: Principal,
    job_id: JobId,
    wanted: ImportRequest,
    bundle: Bundle | None = None,
    verdict: Verdict = _NO_VERDICT,
) -> None:
    command = ImportJob(
        job_id=job_id,
        number=wanted.number,
        service=ServiceName(wanted.service),
        user=UserId(wanted.user),
        state=wanted.state,
        created_at=wanted.created_at,
        reason=wanted.reason,
        bundle=bundle,
        results=wanted.results,
        violation=verdict.violation,
        warnings=verdict.warnings,
    )
    command_id = CommandId(clock.new_id())
    asked = Asked(command_id=command_id, by=asker, command=command)
    answered = await api.commands.ask(asked)
    await written(api, answered.position)
