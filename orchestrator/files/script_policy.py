"""What a script may not do, on a service whose mode says so: a sanity check.

It finds mistakes and careless harm before a job costs anything. It cannot see what a
script reads, downloads or compiles while it runs: isolation is the executor's.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from orchestrator.domain.events import Violation
from orchestrator.errors import ScriptUnparsedError
from orchestrator.files.script.rule_ids import UNJUDGED, UNJUDGED_SYNTAX, is_under
from orchestrator.files.script.shfmt import parse
from orchestrator.files.script.walk import findings

# Longer ones are taken (up to 20 MiB), but not read for this.
LONGEST_BYTES = 4 << 20
_MOST_WARNINGS = 20

type Mode = Literal["off", "warn", "deny"]


class ScriptPolicy(Struct, frozen=True, kw_only=True):
    """What a service does about scripts that break rules.

    `allow` names rules that do not count here: `network.curl`, or all of `network`.
    """

    mode: Mode = "deny"
    allow: tuple[str, ...] = ()


class Verdict(Struct, frozen=True, kw_only=True):
    """Why a script is refused, or else what its user is warned of."""

    violation: Violation | None = None
    warnings: tuple[Violation, ...] = ()


def judge(script: bytes, policy: ScriptPolicy) -> Verdict:
    """Return what a policy says of a script; blocks for some milliseconds.

    Raises:
        ScriptParserMissingError: nothing can be judged here.
    """
    return Verdict() if policy.mode == "off" else apply(policy, broken_rules(script))


def broken_rules(script: bytes) -> tuple[Violation, ...]:
    """Return the rules that a script breaks, by line, whatever a policy makes of it.

    Blocks for some milliseconds, and for seconds where somebody tries that.

    Raises:
        ScriptParserMissingError: nothing can be judged here.
    """
    if len(script) > LONGEST_BYTES:
        return (Violation(rule=UNJUDGED),)
    try:
        return findings(script.decode("utf-8", "replace"), parse)
    except ScriptUnparsedError as error:
        # Bash would run the lines before a syntax error.
        rule = UNJUDGED if error.line is None else UNJUDGED_SYNTAX
        return (Violation(rule=rule, line=error.line),)


def apply(policy: ScriptPolicy, broken: Iterable[Violation]) -> Verdict:
    """Return what a policy makes of broken rules: the first one counts.

    >>> policy = ScriptPolicy(allow=("network",))
    >>> apply(policy, [Violation(rule="network.curl", line=3)])
    Verdict(violation=None, warnings=())
    """
    counted = tuple(
        each
        for each in broken
        if not any(is_under(each.rule, allowed) for allowed in policy.allow)
    )
    match policy.mode:
        case "off":
            return Verdict()
        case "warn":
            return Verdict(warnings=counted[:_MOST_WARNINGS])
        case "deny":
            return Verdict(violation=counted[0] if counted else None)
