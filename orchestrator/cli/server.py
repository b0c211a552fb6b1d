"""`server`: answer HTTP, lead or stand by, and keep files and read models."""

from functools import partial
from pathlib import Path

import rich_click as click
from msgspec import Struct

from orchestrator.cli.log_access import require_server_part
from orchestrator.cli.log_lines import configure_log_lines
from orchestrator.cli.options import config_option, json_option
from orchestrator.cli.output import write_json, write_line
from orchestrator.cli.running import Lifetime, run_until_stopped, running
from orchestrator.cli.settings import load_settings


class Ready(Struct, frozen=True, kw_only=True):
    """What is written with --json once the server answers."""

    url: str


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--directory", type=click.Path(path_type=Path), help="Where data is kept."
)
@click.option("--nats", metavar="URL", help="The NATS server.")
@click.option(
    "--unsafe-durability",
    is_flag=True,
    default=None,
    help="Start although a power failure may lose accepted jobs.",
)
@config_option
@json_option
def server(  # noqa: PLR0913 - one parameter an option
    host: str | None,
    port: int | None,
    directory: Path | None,
    nats: str | None,
    config: Path | None,
    *,
    unsafe_durability: bool | None,
    as_json: bool,
) -> int:
    """Run a server against an existing NATS, until stopped."""
    settings = load_settings(
        config,
        {
            "server.host": host,
            "server.port": port,
            "server.directory": directory,
            "nats.url": nats,
            "nats.unsafe_durability": unsafe_durability,
        },
    )
    require_server_part()
    # Only here: a client's installation has no web framework and no database.
    from orchestrator.cli.wiring import run_server  # noqa: PLC0415

    configure_log_lines()

    def say_ready(url: str) -> None:
        if as_json:
            write_json(Ready(url=url))
        else:
            write_line(f"server ready at {url}")

    async def serve(lifetime: Lifetime) -> None:
        async with running(partial(run_server, settings)) as url:
            lifetime.begun()
            say_ready(url)
            await lifetime.ending.wait()

    return run_until_stopped(serve)
