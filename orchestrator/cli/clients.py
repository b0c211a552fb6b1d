"""`clients`: who runs jobs."""

import msgspec
import rich_click as click
from msgspec import Struct

from orchestrator.cli.answers import Client
from orchestrator.cli.http_client import ask, read
from orchestrator.cli.options import json_option, server_option
from orchestrator.cli.output import write_json, write_table
from orchestrator.cli.settings import server_url


class Listing(Struct, frozen=True, kw_only=True):
    """All clients that ever joined."""

    clients: tuple[msgspec.Raw, ...]


@click.command()
@server_option
@json_option
def clients(server: str | None, *, as_json: bool) -> None:
    """List clients, what they offer, and whether they are there."""
    found = read(ask(server_url(server), "GET", "/clients"), Listing).clients
    if as_json:
        for one in found:
            write_json(one)
        return
    write_table(
        ("client", "is", "slots", "services", "version", "since", "id"),
        (_row(msgspec.json.decode(one, type=Client)) for one in found),
    )


def _row(client: Client) -> tuple[object, ...]:
    since = client.changed_at and f"{client.changed_at.astimezone():%d %b %H:%M:%S}"
    return (
        client.name,
        client.status,
        client.slots,
        ", ".join(client.services) or "all",
        client.version,
        since,
        client.client_id,
    )
