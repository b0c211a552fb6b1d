"""What the API's handlers work with, and how they get it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import anyio
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from orchestrator.api.authentication import Authenticator
from orchestrator.api.uploads import UploadLimits
from orchestrator.domain.ids import Position
from orchestrator.files.port import FileStore
from orchestrator.files.script_check import ScriptCheck
from orchestrator.writer.commands import Commands
from projections.projector import Projector

# Returns why the server is not ready, or nothing.
type Probe = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """Everything that a handler may use; made once, by the composition root."""

    commands: Commands
    projector: Projector
    files: FileStore
    authenticator: Authenticator
    log_end: Callable[[], Awaitable[Position]]  # asks the log's leader
    # How long ago this server had certainly read the log to its end.
    log_age_seconds: Callable[[], float]
    transfer_secret: bytes
    stop: anyio.Event  # ends event streams
    upload_limits: UploadLimits
    scripts: ScriptCheck
    root_path: str = ""  # under which a reverse proxy shows this server
    durability: str = "unknown"  # verified, declared, unsafe
    probes: tuple[Probe, ...] = ()  # beyond log, leader and disk
    warnings: Callable[[], tuple[str, ...]] = tuple  # of a server that is ready


_T = TypeVar("_T")
# Plain assignments: Litestar does not look into `type` aliases.
Injected = SkipValidation[NamedDependency[_T]]
HttpRequest = Request[Any, Any, Any]
MinPosition = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        description="Answer only once this server has read the log up to here.",
    ),
]
