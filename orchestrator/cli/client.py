"""`client`: run jobs on this machine."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
import rich_click as click
from msgspec import Struct, structs

from clients.agent import AgentSettings, run_agent
from orchestrator.cli.log_lines import configure_log_lines
from orchestrator.cli.options import config_option, json_option
from orchestrator.cli.output import write_json, write_line
from orchestrator.cli.running import Lifetime, run_until_stopped, running
from orchestrator.cli.settings import executable_path, load_settings
from orchestrator.cli.settings_schema import ClientSettings, NatsSettings
from orchestrator.domain.ids import ClientId, ServiceName


class Ready(Struct, frozen=True, kw_only=True):
    """What is written with --json once the client was taken in."""

    client_id: str


@click.command()
@click.option("--server", metavar="URL", help="Where inputs and results are.")
@click.option("--nats", metavar="URL", help="The NATS server.")
@click.option("--directory", type=click.Path(path_type=Path), help="Its state.")
@click.option("--name", help="A label for lists.")
@click.option("--slots", type=click.IntRange(1), help="Jobs at the same time.")
@config_option
@json_option
def client(  # noqa: PLR0913, PLR0917 - one parameter an option; click names them
    server: str | None,
    nats: str | None,
    directory: Path | None,
    name: str | None,
    slots: int | None,
    config: Path | None,
    *,
    as_json: bool,
) -> int:
    """Run jobs here until stopped; running jobs outlive a restart of the client."""
    settings = load_settings(
        config,
        {
            "client.server": server,
            "client.directory": directory,
            "client.name": name,
            "client.slots": slots,
            "nats.url": nats,
        },
    )
    configure_log_lines()
    agent = agent_settings(settings.client, settings.nats)

    def say_ready(client_id: str) -> None:
        if as_json:
            write_json(Ready(client_id=client_id))
        else:
            write_line(f"client {agent.name} ({client_id}) is ready")

    async def serve(lifetime: Lifetime) -> None:
        async with running(partial(run_client, agent)) as client_id:
            lifetime.begun()
            say_ready(client_id)
            await lifetime.ending.wait()

    return run_until_stopped(serve)


async def run_client(
    agent: AgentSettings, stop: anyio.Event, on_ready: Callable[[ClientId], None]
) -> None:
    """Run the agent until `stop` is set; see `run_agent` for what it raises."""
    await run_agent(agent, stop=stop, on_ready=on_ready)


def agent_settings(client: ClientSettings, nats: NatsSettings) -> AgentSettings:
    """Return what the agent is told, from the settings.

    Raises:
        SettingError: the password's file cannot be read.
    """
    agent = AgentSettings(
        nats_url=nats.url,
        nats_user=nats.user,
        nats_password=nats.reveal_password(),
        server_url=client.server.rstrip("/"),
        directory=client.directory,
        services=tuple(map(ServiceName, client.services)),
        executor=client.executor,
        path=executable_path(),
        environment=client.environment,
        heartbeat_seconds=client.heartbeat_seconds,
    )
    chosen = {"name": client.name, "slots": client.slots}
    given = {key: value for key, value in chosen.items() if value is not None}
    return structs.replace(agent, **given)
