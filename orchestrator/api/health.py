"""Whether this server is alive, and whether it can serve; with the reasons if not."""

from typing import Literal

import anyio
from litestar import Response, get
from msgspec import Struct

from orchestrator.api.injection import Api, Injected
from orchestrator.domain.ids import Position
from orchestrator.errors import LogError

_LOG_SECONDS = 1.0
_FOLD_SECONDS = 1.0
_LONGEST_AGE_SECONDS = 10**9  # it never had


class LiveBody(Struct, frozen=True, kw_only=True):
    """The process answers; it says nothing about anything else."""

    status: Literal["alive"] = "alive"


class ReadyBody(Struct, frozen=True, kw_only=True):
    """Whether this server can serve, and what it knows of itself."""

    status: Literal["ready", "not ready"]
    role: str
    term: Position
    position: Position  # up to where the writer has folded the log
    read_position: Position  # up to where what is read reflects it
    log_position: Position | None  # where the log ends
    lag: int | None  # positions between what is read and the log's end
    log_age_seconds: float  # how long ago it had certainly been read to its end
    durability: str  # verified, declared, unsafe
    free_bytes: int
    server_id: str
    reasons: tuple[str, ...]  # why it is not ready
    warnings: tuple[str, ...]  # to be looked at, although it is


class HealthBody(Struct, frozen=True, kw_only=True):
    """The original's two keys, and why they are not "ok"."""

    status: Literal["ok", "error"]
    database: Literal["ok", "error"]
    durability: str
    role: str
    term: Position
    position: Position  # up to where what is read reflects the log
    lag: int | None  # positions between that and the log's end
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


@get("/live", tags=["health"], sync_to_thread=False)
def live() -> LiveBody:
    """Return that the process is alive; depends on nothing else."""
    return LiveBody()


@get("/ready", tags=["health"])
async def ready(api: Injected[Api]) -> Response[ReadyBody]:
    """Return whether this server can serve; 503 with the reasons where it cannot."""
    body = await examine(api)
    return Response(body, status_code=503 if body.reasons else 200)


@get("/health", tags=["original"])
async def health(api: Injected[Api]) -> Response[HealthBody]:
    """Return whether this server can serve, in the original's words."""
    found = await examine(api)
    word = "error" if found.reasons else "ok"
    body = HealthBody(
        status=word,
        database="error" if found.log_position is None else "ok",
        durability=found.durability,
        role=found.role,
        term=found.term,
        position=found.read_position,
        lag=found.lag,
        reasons=found.reasons,
        warnings=found.warnings,
    )
    return Response(body, status_code=503 if found.reasons else 200)


async def examine(api: Api) -> ReadyBody:
    """Return what this server knows of itself; waits at most a few seconds."""
    leadership = api.commands.leadership()
    reasons = list(leadership.reasons)
    if leadership.role in {"starting", "cut_off"} and not reasons:
        reasons.append(f"the writer is {leadership.role.replace('_', ' ')}")
    end = await _log_end(api)
    lag = None if end is None else max(end - api.projector.position, 0)
    if end is None:
        reasons.append("the event log does not answer")
    elif not await api.projector.reached(end, _FOLD_SECONDS):
        reasons.append("reading the log has fallen behind its end")
    free = await api.files.free_bytes()
    if free == 0:
        reasons.append("no space is left for files")
    found = [await probe() for probe in api.probes]
    reasons += [reason for reason in found if reason is not None]
    return ReadyBody(
        status="not ready" if reasons else "ready",
        role=leadership.role,
        term=leadership.term,
        position=leadership.position,
        read_position=api.projector.position,
        log_position=end,
        lag=lag,
        log_age_seconds=round(min(api.log_age_seconds(), _LONGEST_AGE_SECONDS), 3),
        durability=api.durability,
        free_bytes=free,
        server_id=leadership.server_id,
        reasons=tuple(reasons),
        warnings=api.warnings(),
    )


async def _log_end(api: Api) -> Position | None:
    with anyio.move_on_after(_LOG_SECONDS):
        try:
            return await api.log_end()
        except LogError:
            return None
    return None
