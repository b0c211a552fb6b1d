"""Commands of the shell that change what later commands see."""

from collections.abc import Callable

from orchestrator.files.script.call import Call
from orchestrator.files.script.context import Context
from orchestrator.files.script.marked import UNKNOWN
from orchestrator.files.script.output import printed
from orchestrator.files.script.scope import MOST_ALTERNATIVES


def carry_out(call: Call, context: Context, stdin: str | None) -> None:
    """Change the scope as a builtin does; what is none of them changes nothing."""
    if call.name == "read":
        _read(call, context, stdin)
    elif change := _BUILTINS.get(call.name):
        change(call, context)


def _enter(call: Call, context: Context) -> None:
    scope = context.scope
    target = call.operands[0].text if call.operands else "~"
    if "-" in call.arguments:
        target = (scope.get("OLDPWD") or (UNKNOWN,))[0]
    if not call.operands and "-" not in call.arguments:
        target = (scope.get("HOME") or (UNKNOWN,))[0]
    scope.enter(target, maybe=context.maybe)


def _leave(_call: Call, context: Context) -> None:
    context.scope.enter(UNKNOWN)


def _set(call: Call, context: Context) -> None:
    if "--" in call.arguments:
        start = call.arguments.index("--") + 1
        context.scope.arguments = tuple(call.arguments[start:])


def _shift(call: Call, context: Context) -> None:
    count = call.arguments[0] if call.arguments else "1"
    cut = int(count) if count.isascii() and count.isdecimal() else 1
    context.scope.arguments = context.scope.arguments[cut:]


def _unset(call: Call, context: Context) -> None:
    for name in call.operands:
        context.scope.forget(name.text)


def _print_to(call: Call, context: Context) -> None:
    name = call.value_of("-v")
    if name and call.arguments[:1] == ["-v"]:
        context.assign(name, (printed(call.arguments[2:]),))


def _read(call: Call, context: Context, stdin: str | None) -> None:
    lines = (stdin or UNKNOWN).splitlines()[:MOST_ALTERNATIVES]
    names = [field.text for field in call.operands] or ["REPLY"]
    for number, line in enumerate(lines):
        values = line.split(None, len(names) - 1)
        for name, value in zip(names, values, strict=False):
            context.scope.set(name, (value,), maybe=context.maybe or number > 0)


_BUILTINS: dict[str, Callable[[Call, Context], None]] = {
    "cd": _enter,
    "pushd": _enter,
    "popd": _leave,
    "set": _set,
    "shift": _shift,
    "unset": _unset,
    "mapfile": _unset,
    "readarray": _unset,
    "getopts": _unset,
    "printf": _print_to,
}
