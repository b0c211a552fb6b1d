"""Judging the scripts of uploads as their services want it, and each only once."""

from collections.abc import Mapping

from anyio import CapacityLimiter, to_thread
from msgspec import Struct

from orchestrator.domain.events import Violation
from orchestrator.domain.ids import ServiceName
from orchestrator.files.bundled_script import read_script
from orchestrator.files.port import FileStore
from orchestrator.files.script.rule_ids import UNJUDGED
from orchestrator.files.script_policy import (
    LONGEST_BYTES,
    ScriptPolicy,
    Verdict,
    apply,
    broken_rules,
)

_REMEMBERED = 1_000
_AT_ONCE = 2


class BundledScript(Struct, frozen=True, kw_only=True):
    """A script in a stored bundle."""

    key: str  # of the bundle
    sha256: str  # of the script


class ScriptCheck:
    """Knows each service's policy; portals send the same script again and again."""

    def __init__(self, policies: Mapping[ServiceName, ScriptPolicy]) -> None:
        self._policies = policies
        self._seen: dict[str, tuple[Violation, ...]] = {}
        self._turns = CapacityLimiter(_AT_ONCE)

    async def verdict(
        self, store: FileStore, service: ServiceName, script: BundledScript
    ) -> Verdict:
        """Return what a service's policy says of a script; none of its own: deny.

        Raises:
            FileMissingError: the bundle is not there.
            ScriptParserMissingError: nothing can be judged here.
        """
        policy = self._policies.get(service, ScriptPolicy())
        if policy.mode == "off":
            return Verdict()
        broken = self._seen.pop(script.sha256, None)
        if broken is None:
            async with self._turns:
                broken = await _judged(store, script.key)
        # One that met a limit may only have had a bad day.
        if not any(each.rule == UNJUDGED for each in broken):
            self._remember(script.sha256, broken)
        return apply(policy, broken)

    def _remember(self, sha256: str, broken: tuple[Violation, ...]) -> None:
        self._seen[sha256] = broken
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]


async def _judged(store: FileStore, key: str) -> tuple[Violation, ...]:
    script = await read_script(store, key, LONGEST_BYTES + 1)
    return () if script is None else await to_thread.run_sync(broken_rules, script)
