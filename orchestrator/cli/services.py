"""`services`: which there are, and their limits."""

from urllib.parse import quote

import msgspec
import rich_click as click
from msgspec import Struct

from orchestrator.cli.answers import Service
from orchestrator.cli.http_client import ask, read
from orchestrator.cli.options import json_option, server_option
from orchestrator.cli.output import write_json, write_line, write_table
from orchestrator.cli.settings import server_url


class Listing(Struct, frozen=True, kw_only=True):
    """All services."""

    services: tuple[msgspec.Raw, ...]


@click.group(invoke_without_command=True)
@server_option
@json_option
@click.pass_context
def services(context: click.Context, server: str | None, *, as_json: bool) -> None:
    """List services and their limits; `services set` changes them."""
    if context.invoked_subcommand is not None:
        return
    found = read(ask(server_url(server), "GET", "/services"), Listing).services
    if as_json:
        for service in found:
            write_json(service)
        return
    write_table(
        ("service", "runs per user", "max runs", "set by", ""),
        (_row(msgspec.json.decode(service, type=Service)) for service in found),
    )


@services.command("set")
@click.argument("name")
@click.option("--runs-per-user", type=click.IntRange(1), required=True)
@click.option("--max-runs", type=click.IntRange(1), required=True)
@server_option
@json_option
def set_limits(
    name: str, runs_per_user: int, max_runs: int, server: str | None, *, as_json: bool
) -> None:
    """Set a service's limits, and create it where it does not exist.

    From then on the settings file does not change it any more.
    """
    limits = {"runs_per_user": runs_per_user, "max_runs": max_runs}
    response = ask(
        server_url(server), "PUT", f"/services/{quote(name, safe='')}", json=limits
    )
    if as_json:
        write_json(msgspec.Raw(response.content))
    else:
        write_line(f"{name}: {runs_per_user} jobs a user, {max_runs} in all")


def _row(service: Service) -> tuple[object, ...]:
    return (
        service.name,
        service.runs_per_user,
        service.max_runs,
        service.source,
        "takes no new jobs" if service.retired else "",
    )
