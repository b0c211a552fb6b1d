"""`cancel`: end a job, whatever it is doing."""

import msgspec
import rich_click as click

from orchestrator.cli.http_client import ask, job_path
from orchestrator.cli.options import job_argument, json_option, server_option
from orchestrator.cli.output import write_json, write_line
from orchestrator.cli.settings import server_url


@click.command()
@job_argument
@server_option
@json_option
def cancel(job: str, server: str | None, *, as_json: bool) -> None:
    """End a job (its id or number); what it has produced is kept."""
    response = ask(server_url(server), "POST", job_path(job, "cancel"))
    if as_json:
        write_json(msgspec.Raw(response.content))
    else:
        write_line(f"job {job}: cancellation accepted")
