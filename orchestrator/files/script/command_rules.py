"""Which rules a command breaks: by its name, its options and the paths it names."""

import re
from collections.abc import Callable, Iterator

from orchestrator.files.script import path_rules
from orchestrator.files.script.call import Call
from orchestrator.files.script.interpreters import inline_code
from orchestrator.files.script.marked import Field
from orchestrator.files.script.names import BY_NAME, rule_of_name
from orchestrator.files.script.paths import is_device, place

type Check = Callable[[Call], Iterator[str]]

# What these are given, they do not open.
_TALKERS = frozenset({"echo", "printf", "[", "test", "true", ":", "logger", "basename"})
# The first operand of these is no path.
_PATTERN_FIRST = frozenset(
    [
        "grep",
        "egrep",
        "fgrep",
        "zgrep",
        "rg",
        "sed",
        "gsed",
        "awk",
        "gawk",
        "mawk",
        "nawk",
        "perl",
        "jq",
        "tr",
        "expr",
    ]
)
_SETUID = re.compile(r"0?[4-7][0-7]{3}|([ugo]*[ua][ugoa]*)?[+=][rwxXt]*s[rwxXt]*")
_REMOTE = re.compile(r"([\w.-]+@)?[\w.\0-]{2,}::?.*|[a-z+]+://.*", re.DOTALL)


def broken_by(call: Call) -> Iterator[str]:
    """Yield the rules that a command breaks."""
    if rule := rule_of_name(call.name):
        yield rule
    if call.fields[0].glob and _is_hidden(call.fields[0].text):
        yield "obfuscation.glob"
    if check := _CHECKS.get(call.name):
        yield from check(call)
    yield from inline_code(call)
    if any(argument.startswith("stratum+") for argument in call.arguments):
        yield "miner.pool"
    if call.name not in _TALKERS:
        yield from _mentioning(call)


def _mentioning(call: Call) -> Iterator[str]:
    if call.name in _PATTERN_FIRST and not call.has("ef", "--file", "--regexp"):
        rest = [field for field in call.fields[1:] if field not in call.operands[:1]]
        call = call.of([call.fields[0], *rest])
    for path, glob in call.mentioned():
        yield from path_rules.reading(path, glob=glob)


def _is_hidden(program: str) -> bool:
    """Say whether a pattern for a program's name is there to hide which it is.

    >>> _is_hidden("/???/??do"), _is_hidden("/usr/bin/su*"), _is_hidden("./*.sh")
    (True, True, False)
    """
    first = program.split("/")[1] if program.startswith("/") else ""
    return first in {"bin", "sbin", "usr"} or bool(set(first) & set("*?["))


def _removing(call: Call) -> Iterator[str]:
    for path in call.targets():
        yield from path_rules.removing(path)


def _writing(call: Call) -> Iterator[str]:
    for path in call.targets():
        yield from path_rules.writing(path)


def _copying(call: Call) -> Iterator[str]:
    target = call.value_of("-t", "--target-directory")
    last = [Field(target)] if target else call.operands[1:][-1:]
    for field in last:
        yield from path_rules.writing(call.path(field))


def _moving(call: Call) -> Iterator[str]:
    yield from _copying(call)
    for field in call.operands[:-1]:
        yield from path_rules.removing(call.path(field))


def _editing(call: Call) -> Iterator[str]:
    in_place = ("-i", "--in-place")
    if any(argument.startswith(in_place) for argument in call.arguments):
        for field in call.operands[1:]:
            yield from path_rules.writing(call.path(field))


def _copying_blocks(call: Call) -> Iterator[str]:
    given = dict(each.split("=", 1) for each in call.arguments if "=" in each)
    target = call.path(Field(given["of"])) if given.get("of") else ""
    if target and is_device(target):
        yield "destructive.device"
    elif target:
        yield from path_rules.writing(target)
    endless = given.get("if") in {"/dev/zero", "/dev/urandom", "/dev/random"}
    if endless and "count" not in given and target != "/dev/null":
        yield "stress.disk-fill"


def _filling(call: Call) -> Iterator[str]:
    if any(path in {"/dev/zero", "/dev/urandom"} for path in call.targets()):
        yield "stress.disk-fill"


def _changing_mode(call: Call) -> Iterator[str]:
    modes = (field.text for field in call.operands[:1])
    if any(_SETUID.fullmatch(part) for mode in modes for part in mode.split(",")):
        yield "privilege.setuid"
    for field in call.operands[1:]:
        path = call.path(field)
        if place(path) in {"root", "system", "outside"}:
            yield f"destructive.{place(path)}"


def _shredding(call: Call) -> Iterator[str]:
    if any(is_device(path) for path in call.targets()):
        yield "destructive.device"
    yield from _removing(call)


def _mounting(call: Call) -> Iterator[str]:
    if call.operands:
        yield "container.mount"


def _setting_kernel(call: Call) -> Iterator[str]:
    # Only looking is harmless.
    if call.has("wp", "--write", "--load", "--system") or "=" in " ".join(
        call.arguments
    ):
        yield "kernel.sysctl"


def _syncing(call: Call) -> Iterator[str]:
    remote = any(_is_remote(field) for field in call.operands)
    if remote or call.has("e", "--rsh"):
        yield "network.rsync"
    yield from _copying(call)


def _using_git(call: Call) -> Iterator[str]:
    command = call.operands[0].text if call.operands else ""
    remote = any(_is_remote(field) for field in call.operands[1:])
    always = {"fetch", "pull", "push", "ls-remote"}
    if command in always or (command in {"clone", "submodule", "remote"} and remote):
        yield "network.git"


def _is_remote(field: Field) -> bool:
    return _REMOTE.fullmatch(field.text) is not None


def _using_openssl(call: Call) -> Iterator[str]:
    if call.arguments[:1] in (["s_client"], ["s_server"]):
        yield "network.openssl"


def _killing(call: Call) -> Iterator[str]:
    # The first is the signal; -1 as a target is everything that one may kill.
    if "-1" in call.arguments[1:]:
        yield "destructive.kill-all"


_CHECKS: dict[str, Check] = {
    "rm": _removing,
    "rmdir": _removing,
    "unlink": _removing,
    "shred": _shredding,
    "truncate": _writing,
    "tee": _writing,
    "touch": _writing,
    "mkdir": _writing,
    "cp": _copying,
    "install": _copying,
    "ln": _copying,
    "mv": _moving,
    "sed": _editing,
    "gsed": _editing,
    "perl": _editing,
    "dd": _copying_blocks,
    "cat": _filling,
    "chmod": _changing_mode,
    "mount": _mounting,
    "sysctl": _setting_kernel,
    "rsync": _syncing,
    "git": _using_git,
    "openssl": _using_openssl,
    "kill": _killing,
}
assert not set(_CHECKS) & set(BY_NAME)  # noqa: S101 - a rule of a name says it already
