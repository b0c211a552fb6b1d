"""`up`: everything on this machine, in one process tree."""

import contextlib
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import anyio
import rich_click as click
from msgspec import Struct, structs

from orchestrator.cli.client import agent_settings, run_client
from orchestrator.cli.log_access import require_server_part
from orchestrator.cli.log_lines import configure_log_lines
from orchestrator.cli.options import config_option, json_option
from orchestrator.cli.output import write_json, write_line
from orchestrator.cli.places import client_in, nats_in
from orchestrator.cli.running import Lifetime, run_until_stopped, running
from orchestrator.cli.settings import load_settings
from orchestrator.cli.settings_schema import (
    NatsSettings,
    Secret,
    ServiceSettings,
    Settings,
)
from orchestrator.event_log.embedded_users import User

# Offered where the settings declare no service: something to submit to.
DEFAULT_SERVICE = "default"


class Ready(Struct, frozen=True, kw_only=True):
    """What is written with --json once jobs can be submitted and run."""

    url: str
    nats_url: str
    client_id: str
    services: tuple[str, ...]


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where everything is kept (default: ./job-orchestrator-data).",
)
@click.option("--slots", type=click.IntRange(1), help="Jobs at the same time.")
@config_option
@json_option
def up(  # noqa: PLR0913 - one parameter an option
    host: str | None,
    port: int | None,
    data: Path | None,
    slots: int | None,
    config: Path | None,
    *,
    as_json: bool,
) -> int:
    """Run NATS, a server and a client here until stopped: a laptop, a small site.

    Jobs that still run when it stops are stopped too, and queued again.
    """
    settings = load_settings(
        config,
        {
            "server.host": host,
            "server.port": port,
            "server.directory": data,
            "client.slots": slots,
        },
    )
    require_server_part()
    configure_log_lines()

    def say_ready(ready: Ready) -> None:
        if as_json:
            write_json(ready)
        else:
            services = ", ".join(ready.services)
            write_line(f"ready at {ready.url} for services: {services}")

    async def serve(lifetime: Lifetime) -> None:
        async with all_running(settings) as ready:
            lifetime.begun()
            say_ready(ready)
            await lifetime.ending.wait()

    return run_until_stopped(serve)


@contextlib.asynccontextmanager
async def all_running(settings: Settings) -> AsyncGenerator[Ready]:
    """Return a context in which NATS, a server and a client run.

    They stop in the reverse order, so that the client can still say what became of
    its jobs. Everything is kept under the server's directory.

    Raises:
        OrchestratorError: one of them cannot run; says what to do.
    """
    # Only here: a client's installation has neither.
    from orchestrator.api.server import bind  # noqa: PLC0415 - see above
    from orchestrator.cli.wiring import run_server  # noqa: PLC0415
    from orchestrator.event_log.embedded import start_embedded  # noqa: PLC0415

    server = settings.server
    # What is refused is refused before anything is made.
    bind(server.host, server.port, allow_remote=server.allow_remote).close()
    data = server.directory
    services = settings.services or {DEFAULT_SERVICE: ServiceSettings()}
    async with (
        start_embedded(nats_in(data)) as nats,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(nats.watch)
        served = structs.replace(
            settings,
            services=services,
            nats=_login(nats.url, nats.server, nats.monitoring_url),
        )
        async with running(partial(run_server, served)) as url:
            client = structs.replace(
                settings.client, server=url, directory=client_in(data)
            )
            agent = structs.replace(
                agent_settings(client, _login(nats.url, nats.client)),
                stop_with_jobs=True,
            )
            async with running(partial(run_client, agent)) as client_id:
                yield Ready(
                    url=url,
                    nats_url=nats.url,
                    client_id=client_id,
                    services=tuple(services),
                )
        tasks.cancel_scope.cancel()


def _login(url: str, user: User, *monitoring_urls: str) -> NatsSettings:
    return NatsSettings(
        url=url,
        user=user.user,
        password=Secret(user.password),
        monitoring_urls=monitoring_urls,
    )
