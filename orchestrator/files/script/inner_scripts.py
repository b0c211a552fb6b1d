"""Scripts within a command line: `bash -c TEXT`, `eval TEXT`, `awk '… system("…")'`."""

import re
from collections.abc import Iterator

from orchestrator.files.script.call import Call
from orchestrator.files.script.paths import is_unknown

SHELLS = frozenset(["sh", "bash", "rbash", "dash", "ash", "ksh", "mksh", "zsh"])
_READING = frozenset({"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "-"})
_SUBSTITUTED = re.compile(r"/dev/fd/\d+")
_COMMAND_OPTION = re.compile(r"-[A-Za-z]*c[A-Za-z]*")
_VALUED = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})
_SYSTEM = re.compile(r'\bsystem\s*\(\s*"((?:[^"\\]|\\.)*)"')
_TO_SHELL = re.compile(r'"((?:[^"\\]|\\.)*)"\s*\|\s*getline|\|\s*"((?:[^"\\]|\\.)*)"')
_HOOK = re.compile(r"--(?:to-command|checkpoint-action=exec|use-compress-program)=(.+)")


def reads_script(call: Call) -> bool:
    """Say whether a shell takes its script from its input."""
    if call.name in {"source", "."}:
        return bool(call.arguments) and call.arguments[0] in _READING
    if call.name not in SHELLS or command_text(call) is not None:
        return False
    operands = _operands(call)
    return not operands or operands[0] in _READING or "-s" in call.arguments


def runs_substitution(call: Call) -> bool:
    """Say whether a shell takes its script from a `<(…)`."""
    if call.name in {"source", "."}:
        operands = call.arguments
    else:
        operands = _operands(call) if call.name in SHELLS else []
    return bool(operands) and _SUBSTITUTED.fullmatch(operands[0]) is not None


def command_text(call: Call) -> str | None:
    """Return the text after `bash -c`."""
    takes = False
    skip = False
    for argument in call.arguments:
        if skip:
            skip = False
        elif argument in _VALUED:
            skip = True
        elif argument[:1] in {"-", "+"} and argument != "-":
            takes = takes or bool(_COMMAND_OPTION.fullmatch(argument))
        else:
            return argument if takes else None
    return None


def texts(call: Call) -> Iterator[str]:
    """Yield the texts that a command gives to a shell."""
    match call.name:
        case "eval":
            yield " ".join(call.arguments)
        case "trap":
            operands = [field.text for field in call.operands]
            yield from operands[:1] if len(operands) > 1 else ()
        case "alias":
            yield from (each.partition("=")[2] for each in call.arguments)
        case "watch":
            yield " ".join(field.text for field in call.operands)
        case "parallel":
            yield _before(call, ":::")
        case "script" | "flock":
            yield call.value_of("-c", "--command") or ""
        case "env":
            yield call.value_of("-S", "--split-string") or ""
        case "tar":
            found = (_HOOK.fullmatch(each) for each in call.arguments)
            yield from (hook[1] for hook in found if hook)
        case "awk" | "gawk" | "mawk" | "nawk":
            yield from _in_awk(call)
        case name if name in SHELLS:
            yield command_text(call) or ""
        case _:
            pass


def positional(call: Call) -> tuple[str, ...]:
    """Return the arguments that `bash -c TEXT name a b` gives to its text."""
    text = command_text(call)
    if text is None:
        return ()
    return tuple(call.arguments[call.arguments.index(text) + 2 :])


def _operands(call: Call) -> list[str]:
    found: list[str] = []
    skip = False
    for argument in call.arguments:
        if skip:
            skip = False
        elif argument in _VALUED:
            skip = True
        elif argument == "-" or argument[:1] not in {"-", "+"}:
            found.append(argument)
    return found


def _before(call: Call, separator: str) -> str:
    words = call.arguments
    end = next((i for i, word in enumerate(words) if word.startswith(separator)), None)
    return " ".join(word for word in words[:end] if not word.startswith("-"))


def _in_awk(call: Call) -> Iterator[str]:
    for program in call.arguments:
        if not is_unknown(program):
            for found in _SYSTEM.finditer(program):
                yield re.sub(r"\\(.)", r"\1", found[1])
            for found in _TO_SHELL.finditer(program):
                yield re.sub(r"\\(.)", r"\1", found[1] or found[2])
