"""What a person or a program sees: results on stdout, everything else on stderr."""

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from orchestrator.errors import ReaderGoneError

_NEVER_CUT = 10_000
_STATE_STYLES = {
    "queued": "yellow",
    "assigned": "yellow",
    "running": "cyan",
    "completed": "green",
    "failed": "red",
    "invalid": "red",
    "cancelled": "magenta",
}


def say(text: str) -> None:
    """Show a line to the person, whatever the standard output is used for."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command line speaks here


def write_line(text: str) -> None:
    """Write one line of the result.

    Raises:
        ReaderGoneError: the other end of the pipe is closed, as `head` does.
    """
    try:
        print(text, flush=True)  # noqa: T201 - the command line speaks here
    except BrokenPipeError as error:
        # What is still buffered must not fail again as the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ReaderGoneError from error


def write_json(document: object) -> None:
    """Write one JSON document on one line."""
    write_line(msgspec.json.encode(document).decode())


def write_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows under headings: in columns, never cut when piped."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _print(table)


def write_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Write names and values below each other; what is None is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in fields:
        if value is not None:
            table.add_row(name, _cell(value))
    _print(table)


def progress_bar() -> Progress:
    """Return a bar for bytes on their way; it shows only on a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _print(table: Table) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _NEVER_CUT
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        write_line(line.rstrip())


def _cell(value: object) -> Text:
    if isinstance(value, datetime):
        value = f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    text = "" if value is None else str(value)
    return Text(text, style=_STATE_STYLES.get(text, ""))
