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
    transfer_secret: bytes
    stop: anyio.Event  # ends event streams
    upload_limits: UploadLimits
    durability: str = "unknown"  # verified, declared, unsafe
    probes: tuple[Probe, ...] = ()  # beyond log, leader and disk


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
