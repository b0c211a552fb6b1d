"""`rebuild`: make the read models anew from the log."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from orchestrator.cli.log_access import open_log, require_server_part
from orchestrator.cli.log_lines import configure_log_lines
from orchestrator.cli.options import config_option, data_option, json_option
from orchestrator.cli.output import write_json, write_line
from orchestrator.cli.places import read_model_in
from orchestrator.cli.settings import load_settings
from orchestrator.cli.settings_schema import NatsSettings

if TYPE_CHECKING:
    from projections.rebuild import RebuildReport


@click.command()
@data_option
@config_option
@json_option
def rebuild(data: Path | None, config: Path | None, *, as_json: bool) -> None:
    """Fold the whole event log into new read models; the server must be stopped.

    What the server knew before stays in place until the new file is complete.
    """
    require_server_part()
    settings = load_settings(config)
    configure_log_lines(level=logging.ERROR)
    directory = settings.server.directory if data is None else data
    path = read_model_in(directory)
    report = anyio.run(_rebuild, settings.nats, data, path)
    if as_json:
        write_json(report)
    else:
        seconds = f"{report.seconds:.1f} s"
        write_line(f"{path}: {report.events} events folded in {seconds}")


async def _rebuild(
    settings: NatsSettings, data: Path | None, path: Path
) -> "RebuildReport":
    # Only here: a client's installation has no DuckDB.
    from projections import rebuild as rebuilding  # noqa: PLC0415 - see above

    async with open_log(settings, data) as log:
        with _bar() as bar:
            task = bar.add_task("folding", total=None)

            def show(done: int, end: int) -> None:
                bar.update(task, completed=done, total=end)

            return await rebuilding.rebuild(log, path, show)


def _bar() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
