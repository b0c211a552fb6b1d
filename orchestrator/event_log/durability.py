"""Whether an acknowledged event is on disk, as far as the NATS servers let us know."""

from collections.abc import Sequence
from enum import StrEnum

import httpx
import msgspec

from orchestrator.errors import DurabilityError

ALWAYS = "always"
_ASK_SECONDS = 3.0


class Durability(StrEnum):
    """What is known about the log's promise to keep what it acknowledged."""

    VERIFIED = "verified"
    DECLARED = "declared"
    UNSAFE = "unsafe"


class _Config(msgspec.Struct, frozen=True):
    sync_always: bool = False


class _JetStream(msgspec.Struct, frozen=True):
    config: _Config | None = None


class _Varz(msgspec.Struct, frozen=True):
    jetstream: _JetStream = _JetStream()


async def check_durability(
    monitoring_urls: Sequence[str],
    *,
    declared: str | None = None,
    unsafe_allowed: bool = False,
) -> Durability:
    """Return how sure it is that every node flushes each message to disk.

    A node that can be asked and does not flush is never outvoted by a declaration.

    Raises:
        DurabilityError: it does not, or nobody can tell, and `unsafe_allowed` is off.
    """
    doubts = [doubt for url in monitoring_urls if (doubt := await _doubt(url))]
    if monitoring_urls and not doubts:
        return Durability.VERIFIED
    if declared == ALWAYS and not any(doubt.certain for doubt in doubts):
        return Durability.DECLARED
    if unsafe_allowed:
        return Durability.UNSAFE
    why = doubts[0].why if doubts else "nothing says that NATS flushes every message"
    raise DurabilityError(why=why)


class _Doubt(msgspec.Struct, frozen=True):
    why: str
    certain: bool = False


async def _doubt(monitoring_url: str) -> _Doubt | None:
    try:
        varz = await _varz(monitoring_url)
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
        return _Doubt(f"no NATS monitoring answers at {monitoring_url} ({error})")
    if varz.jetstream.config is None:
        return _Doubt(
            f"the NATS server at {monitoring_url} has no JetStream", certain=True
        )
    if not varz.jetstream.config.sync_always:
        why = f"the NATS server at {monitoring_url} does not flush every message"
        return _Doubt(why, certain=True)
    return None


async def _varz(monitoring_url: str) -> _Varz:
    # A proxy of the environment does not lead to a node of ours.
    async with httpx.AsyncClient(timeout=_ASK_SECONDS, trust_env=False) as client:
        answer = await client.get(f"{monitoring_url.rstrip('/')}/varz")
    return msgspec.json.decode(answer.raise_for_status().content, type=_Varz)
