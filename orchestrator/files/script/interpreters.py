"""Code in a command line, for interpreters that are no shells: `python -c CODE`."""

import re
from collections.abc import Iterator

from orchestrator.files.script.call import Call

_PYTHON = re.compile(r"python[\d.]*|pypy[\d.]*")
_INLINE = {
    "perl": "eE",
    "ruby": "e",
    "php": "r",
    "node": "ep",
    "nodejs": "ep",
    "lua": "e",
}
_VALUED = frozenset({"-m", "-W", "-X", "-I", "-r", "-M", "-l", "-C"})
# Perl as a better sed is fine as long as it starts nothing.
_STARTS_PROGRAMS = re.compile(r"\b(system|exec|qx|open|require|use|socket|eval)\b|`")
_R_STARTS_PROGRAMS = re.compile(
    r"\b(system2?|shell|pipe|download\.file|socket\w*)\s*\("
)


def inline_code(call: Call) -> Iterator[str]:
    """Yield the rule that code in the command line breaks."""
    if _PYTHON.fullmatch(call.name):
        inline = _first_option(call, "c") is not None
    elif call.name in {"Rscript", "R"}:
        code = call.value_of("-e") or ""
        inline = _R_STARTS_PROGRAMS.search(code) is not None
    elif call.name in _INLINE:
        inline = _first_option(call, _INLINE[call.name]) is not None
        inline = inline and not _is_filter(call)
    else:
        inline = False
    if inline:
        yield "obfuscation.inline-code"


def _first_option(call: Call, letters: str) -> str | None:
    """Return the option, of those before the program's file, with such a letter."""
    skip = False
    for argument in call.arguments:
        if skip:
            skip = False
        elif not argument.startswith("-") or argument in {"-", "--"}:
            return None
        elif argument == "--eval" or (
            argument[1:2] != "-" and set(argument[1:]) & set(letters)
        ):
            return argument
        else:
            skip = argument in _VALUED and argument != "-l"
    return None


def _is_filter(call: Call) -> bool:
    filters = call.name in {"perl", "ruby"} and call.has("np")
    return filters and not any(map(_STARTS_PROGRAMS.search, call.arguments))
