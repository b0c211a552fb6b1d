"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

server_option: Decorator = click.option(
    "--server",
    metavar="URL",
    help="The server to talk to (or JOB_ORCHESTRATOR_URL; "
    "default http://127.0.0.1:5000).",
)
json_option: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON, for programs."
)
config_option: Decorator = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file (or JOB_ORCHESTRATOR_CONFIG; default job-orchestrator.toml "
    "when it is there).",
)
job_argument: Decorator = click.argument("job", metavar="JOB")
data_option: Decorator = click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The directory of an 'up', instead of the settings' server and NATS.",
)
