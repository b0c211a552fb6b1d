"""A server put together from its settings: the only place that knows every part."""

import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from importlib.metadata import version
from pathlib import Path

import anyio
import structlog
from msgspec import Struct

from orchestrator import clock
from orchestrator.api.app import create_app
from orchestrator.api.authentication import OpenAuthenticator
from orchestrator.api.injection import Api
from orchestrator.api.log_watch import LogWatch
from orchestrator.api.root_path import UnderRootPath
from orchestrator.api.server import bind, serve
from orchestrator.api.uploads import UploadLimits
from orchestrator.cli.log_access import open_log, require_reachable
from orchestrator.cli.places import files_in, read_model_in, secret_in
from orchestrator.cli.script_policies import script_policies
from orchestrator.cli.settings_schema import NatsSettings, ServerSettings, Settings
from orchestrator.domain.commands import ConfigureService
from orchestrator.domain.ids import ServiceName
from orchestrator.errors import DataDirectoryError, DataDirectoryHeldError
from orchestrator.event_log.durability import Durability, check_durability
from orchestrator.event_log.jetstream import JetStreamLog
from orchestrator.file_lock import try_lock
from orchestrator.files.script.shfmt import shfmt_path
from orchestrator.files.script_check import ScriptCheck
from orchestrator.files.store import LocalFileStore
from orchestrator.files.transfer_token import load_or_create_secret
from orchestrator.writer.duties import Leases
from orchestrator.writer.nats_link import ForwardToLeader, LeaderPing, NatsLink
from orchestrator.writer.office import Office, OfficeSettings
from orchestrator.writer.reports import Reports, Transfers
from projections.projector import Projector

_LOOK_AGAIN_SECONDS = 0.02

logger = structlog.stdlib.get_logger()


class Parts(Struct, frozen=True, kw_only=True):
    """What a running server is made of."""

    log: JetStreamLog
    projector: Projector
    store: LocalFileStore
    secret: bytes
    durability: Durability
    scripts: ScriptCheck


async def run_server(
    settings: Settings, stop: anyio.Event, on_ready: Callable[[str], None]
) -> None:
    """Serve until `stop` is set; call `on_ready` with the URL once it answers.

    What can be refused is refused before anything is made.

    Raises:
        OrchestratorError: it cannot run as the settings want; says what to do.
    """
    for notice in settings.notices:
        logger.warning(notice.event, variables=notice.variables, why=notice.why)
    server = settings.server
    shfmt_path()  # without it nothing could be judged
    script_policies(settings.services)
    with contextlib.closing(
        bind(server.host, server.port, allow_remote=server.allow_remote)
    ) as listener:
        await require_reachable(settings.nats)
        durability = await _durability(settings.nats)
        with hold(server.directory):
            async with _open_parts(settings, durability) as parts:
                await _run(settings, parts, listener, stop, on_ready)


@contextlib.contextmanager
def hold(directory: Path) -> Generator[None]:
    """Return a context in which the directory is ours alone.

    Raises:
        DataDirectoryError: it cannot be made or written.
        DataDirectoryHeldError: another server has it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = try_lock(directory / "server.lock")
    except OSError as error:
        why = error.strerror or str(error)
        raise DataDirectoryError(directory=str(directory), why=why) from error
    if lock is None:
        raise DataDirectoryHeldError(directory=str(directory))
    try:
        yield
    finally:
        os.close(lock)


async def _durability(nats: NatsSettings) -> Durability:
    return await check_durability(
        nats.monitoring_urls,
        declared=nats.durability,
        unsafe_allowed=nats.unsafe_durability,
    )


@contextlib.asynccontextmanager
async def _open_parts(
    settings: Settings, durability: Durability
) -> AsyncGenerator[Parts]:
    directory = settings.server.directory
    shared = settings.server.files_directory or directory
    async with open_log(settings.nats, create=True) as log:
        with contextlib.closing(LocalFileStore(files_in(shared))) as store:
            projector = await Projector.open(read_model_in(directory))
            try:
                await projector.verify(log)
                yield Parts(
                    log=log,
                    projector=projector,
                    store=store,
                    secret=load_or_create_secret(secret_in(shared)),
                    durability=durability,
                    scripts=ScriptCheck(script_policies(settings.services)),
                )
            finally:
                await projector.close()


async def _run(
    settings: Settings,
    parts: Parts,
    listener: socket.socket,
    stop: anyio.Event,
    on_ready: Callable[[str], None],
) -> None:
    connection = parts.log.connection
    office = _office(settings, parts)
    reports = Reports(office, Transfers(store=parts.store, secret=parts.secret))
    link = NatsLink(connection, office, reports)
    watch = _log_watch(parts)
    api = _api(settings.server, parts, office, watch, stop)
    app = UnderRootPath(create_app(api), api.root_path)
    answering = anyio.Event()

    async def say_ready() -> None:
        await answering.wait()
        while office.leadership().role == "starting":  # noqa: ASYNC110 - once, briefly
            await anyio.sleep(_LOOK_AGAIN_SECONDS)
        on_ready(_url(listener))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.watch)
        tasks.start_soon(parts.projector.run)
        tasks.start_soon(office.run)
        tasks.start_soon(link.run)
        tasks.start_soon(watch.run)
        tasks.start_soon(say_ready)
        await serve(app, listener, stop=stop, on_started=answering.set)
        tasks.cancel_scope.cancel()


def _office(settings: Settings, parts: Parts) -> Office:
    server, connection = settings.server, parts.log.connection
    return Office(
        parts.log,
        parts.projector,
        LeaderPing(connection),
        OfficeSettings(
            server_id=clock.new_id(),
            version=version("job-orchestrator"),
            leases=Leases(
                lease_us=int(server.lease_seconds * 1_000_000),
                grace_us=int(server.grace_seconds * 1_000_000),
            ),
            declared=_declared(settings) or None,
        ),
        lambda: connection.is_connected,
        ForwardToLeader(connection),
    )


def _declared(settings: Settings) -> Sequence[ConfigureService]:
    return [
        ConfigureService(
            service=ServiceName(name),
            runs_per_user=limits.runs_per_user,
            max_runs=limits.max_runs,
            source="settings",
        )
        for name, limits in sorted(settings.services.items())
    ]


def _log_watch(parts: Parts) -> LogWatch:
    async def ask() -> int:
        return (await parts.log.end()).position

    return LogWatch(ask, lambda: parts.projector.position)


def _api(
    server: ServerSettings,
    parts: Parts,
    office: Office,
    watch: LogWatch,
    stop: anyio.Event,
) -> Api:
    return Api(
        commands=office,
        projector=parts.projector,
        files=parts.store,
        authenticator=OpenAuthenticator(),
        log_end=watch.end,
        log_age_seconds=watch.age_seconds,
        transfer_secret=parts.secret,
        stop=stop,
        upload_limits=UploadLimits(
            body_bytes=server.max_upload_bytes,
            pause_seconds=server.upload_pause_seconds,
            total_seconds=server.upload_total_seconds,
        ),
        root_path=server.root_path,
        scripts=parts.scripts,
        durability=str(parts.durability),
        warnings=office.warnings,
    )


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
