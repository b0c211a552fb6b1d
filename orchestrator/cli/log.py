"""`log`: what the event log holds, and what is added to it."""

import logging
from functools import partial
from pathlib import Path

import anyio
import msgspec
import rich_click as click
from msgspec import Struct

from orchestrator import codec
from orchestrator.cli.log_access import open_log
from orchestrator.cli.log_lines import configure_log_lines
from orchestrator.cli.narration import sentence
from orchestrator.cli.options import config_option, data_option, json_option
from orchestrator.cli.output import write_json, write_line
from orchestrator.cli.settings import load_settings
from orchestrator.cli.settings_schema import NatsSettings
from orchestrator.event_log.jetstream import JetStreamLog
from orchestrator.event_log.port import Message


class Entry(Struct, frozen=True, kw_only=True):
    """One message of the log, as it is written with --json."""

    position: int
    subject: str
    recorded: msgspec.Raw


class Range(Struct, frozen=True, kw_only=True):
    """Which part of the log is wanted."""

    after: int | None  # a position; else the last few
    last: int
    follow: bool


@click.group()
def log() -> None:
    """Look into the event log."""


@log.command()
@click.option("--after", type=click.IntRange(0), help="From after this position.")
@click.option("-n", "--last", default=10, show_default=True, help="Else the last few.")
@click.option(
    "--follow/--no-follow", default=True, help="Go on with what is added (default)."
)
@data_option
@config_option
@json_option
def tail(  # noqa: PLR0913 - one parameter an option
    after: int | None,
    last: int,
    data: Path | None,
    config: Path | None,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """Show the log's last events, and follow it; Ctrl-C ends it."""
    settings = load_settings(config)
    configure_log_lines(level=logging.ERROR)
    wanted = Range(after=after, last=last, follow=follow)
    anyio.run(partial(_tail, settings.nats, data, wanted, as_json=as_json))


async def _tail(
    settings: NatsSettings, data: Path | None, wanted: Range, *, as_json: bool
) -> None:
    async with open_log(settings, data) as opened, anyio.create_task_group() as tasks:
        tasks.start_soon(opened.connection.watch)
        await _show(opened, wanted, as_json=as_json)
        tasks.cancel_scope.cancel()


async def _show(opened: JetStreamLog, wanted: Range, *, as_json: bool) -> None:
    end = (await opened.end()).position
    position = max(0, end - wanted.last) if wanted.after is None else wanted.after
    if position >= end and not wanted.follow:
        return
    async for batch in opened.follow(position):
        for message in batch:
            _write(message, as_json=as_json)
        if batch[-1].position >= end and not wanted.follow:
            return


def _write(message: Message, *, as_json: bool) -> None:
    if as_json:
        write_json(
            Entry(
                position=message.position,
                subject=message.subject,
                recorded=msgspec.Raw(message.data),
            )
        )
        return
    recorded = codec.decode(message.data, position=message.position)
    write_line(f"{message.position:>8}  {sentence(recorded)}  [{recorded.by}]")
