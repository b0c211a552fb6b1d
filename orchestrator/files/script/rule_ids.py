"""Every rule there is, by the id that events, answers and settings name it with."""

from orchestrator.files.script.names import BY_NAME

UNJUDGED = "unjudged"  # it costs more to read than we spend on a script
UNJUDGED_SYNTAX = "unjudged.syntax"

RULES = frozenset(BY_NAME.values()) | {
    "container.mount",
    "destructive.device",
    "destructive.home",
    "destructive.kill-all",
    "destructive.mkfs",
    "destructive.outside",
    "destructive.root",
    "destructive.system",
    "fork-bomb",
    "kernel.setting",
    "kernel.sysctl",
    "miner.pool",
    "network.dev-tcp",
    "network.git",
    "network.openssl",
    "network.rsync",
    "obfuscation.decoded",
    "obfuscation.eval",
    "obfuscation.glob",
    "obfuscation.inline-code",
    "persistence.cron",
    "persistence.startup-file",
    "persistence.systemd",
    "privilege.setuid",
    "secrets",
    "sensitive-path",
    "stress.disk-fill",
    UNJUDGED,
    UNJUDGED_SYNTAX,
}


def is_under(rule: str, named: str) -> bool:
    """Say whether a rule is the one that is named, or a finer one of it.

    >>> is_under("network.curl", "network"), is_under("network.curl", "net")
    (True, False)
    """
    return rule == named or rule.startswith(f"{named}.")


def names_a_rule(name: str) -> bool:
    """Say whether there is such a rule, or a family of rules.

    >>> names_a_rule("privilege"), names_a_rule("privilege.sudo"), names_a_rule("sudo")
    (True, True, False)
    """
    return any(is_under(rule, name) for rule in RULES)
