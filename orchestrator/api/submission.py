"""From an upload to a job: stored durably first, then asked of the writer."""

import base64
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager

import anyio
import msgspec
from msgspec import Struct

from orchestrator import clock
from orchestrator.api.freshness import catch_up, find_job, written
from orchestrator.api.injection import Api, HttpRequest
from orchestrator.api.request_body import chunks_of
from orchestrator.api.uploads import Upload, receive_upload
from orchestrator.domain.commands import Asked, SubmitJob
from orchestrator.domain.events import Bundle, JobSubmitted
from orchestrator.domain.ids import (
    BundleId,
    CommandId,
    JobId,
    Position,
    ServiceName,
    UserId,
)
from orchestrator.domain.principal import Principal
from orchestrator.errors import (
    CommandRejectedError,
    EventTooLargeError,
    LogFullError,
    NotLeadingError,
    ReadModelBehindError,
    UnknownServiceError,
    UploadTooLargeError,
)
from orchestrator.files.port import input_key
from orchestrator.files.script_check import BundledScript
from orchestrator.files.script_policy import Verdict
from orchestrator.writer.commands import Answered
from projections.read_models.jobs import JobWord

type ServiceOf = Callable[[Mapping[str, str]], str | None]

# So much of a body for a service we do not know is still read: a later field may
# name another one.
_DOUBTFUL_BYTES = 1 << 20
_CLEANUP_SECONDS = 10
_ID_BYTES = 16


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked for, besides the files."""

    job_id: JobId
    service: ServiceName
    user: UserId
    labels: tuple[str, ...] = ()
    is_new: bool  # its id was drawn for it: no ended job can have it


class Submitted(Struct, frozen=True, kw_only=True):
    """What became of it; `position` is where the log says so."""

    job_id: JobId
    number: int
    state: JobWord
    position: Position


def job_id_for(asker: Principal, key: str) -> JobId:
    """Return the one id that an idempotency key of this principal stands for."""
    digest = hashlib.sha256(msgspec.json.encode([asker.id, key])).digest()
    encoded = base64.b32encode(digest[:_ID_BYTES]).decode()
    return JobId(encoded.rstrip("=").lower())


@asynccontextmanager
async def received(
    api: Api,
    request: HttpRequest,
    service_of: ServiceOf,
) -> AsyncGenerator[Upload]:
    """Yield what the request's body says; what was not committed is then dropped.

    A long body is refused as soon as it names a service that does not exist.

    Raises:
        UploadError, StorageFullError, HangUpError: nothing was kept.
        UnknownServiceError: refused before its end.
    """
    gate = _Gate(api, service_of)
    try:
        async with aclosing(chunks_of(request)) as chunks:
            upload = await receive_upload(
                chunks,
                request.headers.get("Content-Type", ""),
                api.upload_limits,
                api.files,
                content_length=_length(request),
                body_limit=gate.limit,
            )
    except UploadTooLargeError:
        if gate.unknown is not None:
            await require_service(api, gate.unknown)
            # Known by now, on another server: the same upload will do.
            raise ReadModelBehindError(reached=api.projector.position) from None
        raise
    try:
        yield upload
    finally:
        with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
            await api.files.discard(upload.staged)


async def require_service(api: Api, name: str) -> ServiceName:
    """Return the name of a service that takes jobs.

    Raises:
        UnknownServiceError: there is none, as of now.
    """
    if not _is_known(api, name):
        await catch_up(api)
    if not _is_known(api, name):
        known = tuple(
            view.name
            for view in api.projector.read_model.services()
            if not view.retired
        )
        raise UnknownServiceError(service=name, known=known)
    return ServiceName(name)


async def submit(
    api: Api,
    asker: Principal,
    upload: Upload,
    wanted: Wanted,
) -> Submitted:
    """Return the job that now exists; sending the same again gives the same.

    Raises:
        CommandRejectedError, NotLeadingError, LogFullError: nothing was kept.
        OutcomeUnknownError: the files are kept, since the job may exist.
    """
    staged = upload.staged
    bundle = Bundle(
        bundle_id=BundleId(clock.new_id()),
        sha256=staged.sha256,
        size=staged.size,
    )
    key = input_key(bundle.bundle_id)
    await api.files.commit(staged, key)
    try:
        answered = await _ask(api, asker, upload, wanted, bundle)
    except (CommandRejectedError, NotLeadingError, LogFullError, EventTooLargeError):
        await api.files.delete(key)
        raise
    await written(api, answered.position)
    born = _born(answered)
    if born is None:
        # It existed before, or the answer was in doubt and the job was found later:
        # only the job itself says whose bundle it has.
        view = await find_job(api, wanted.job_id, asker)
        if view.bundle != bundle:
            await api.files.delete(key)
        number, state = view.number, view.state
    else:
        number, state = born.number, "invalid" if born.violation else "queued"
    return Submitted(
        job_id=wanted.job_id,
        number=number,
        state=state,
        position=answered.position,
    )


async def _ask(
    api: Api,
    asker: Principal,
    upload: Upload,
    wanted: Wanted,
    bundle: Bundle,
) -> Answered:
    verdict = await verdict_on(api, upload, wanted.service, bundle)
    command = SubmitJob(
        job_id=wanted.job_id,
        service=wanted.service,
        user=wanted.user,
        bundle=bundle,
        body_digest=upload.digest,
        labels=wanted.labels,
        violation=verdict.violation,
        warnings=verdict.warnings,
        is_new=wanted.is_new,
    )
    # A new id each time: the job's own id is what makes a repeated submission the
    # same, and a remembered command would hide that its body is another.
    command_id = CommandId(clock.new_id())
    asked = Asked(command_id=command_id, by=asker, command=command)
    return await api.commands.ask(asked)


async def verdict_on(
    api: Api, upload: Upload, service: ServiceName, bundle: Bundle
) -> Verdict:
    """Return what is to be said of an upload's script; its bundle is stored."""
    if upload.script is not None or upload.script_sha256 is None:
        return Verdict(violation=upload.script)
    key = input_key(bundle.bundle_id)
    script = BundledScript(key=key, sha256=upload.script_sha256)
    return await api.scripts.verdict(api.files, service, script)


def _born(answered: Answered) -> JobSubmitted | None:
    events = (recorded.event for recorded in answered.events)
    return next((event for event in events if isinstance(event, JobSubmitted)), None)


class _Gate:
    """Keeps a body short while it is for a service that we do not know."""

    def __init__(self, api: Api, service_of: ServiceOf) -> None:
        self.unknown: str | None = None
        self._api = api
        self._service_of = service_of

    def limit(self, fields: Mapping[str, str]) -> int:
        """Return how long the body may be, as its text fields now are."""
        service = self._service_of(fields)
        known = service is None or _is_known(self._api, service)
        self.unknown = None if known else service
        most = self._api.upload_limits.body_bytes
        return most if known else min(most, _DOUBTFUL_BYTES)


def _is_known(api: Api, name: str) -> bool:
    view = api.projector.read_model.service(ServiceName(name))
    return view is not None and not view.retired


def _length(request: HttpRequest) -> int | None:
    text = request.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdecimal() else None
