"""Commands that run another one: `env`, `nohup`, `xargs`, `find -exec` and so on."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from orchestrator.files.script.call import Call
from orchestrator.files.script.marked import Field

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


class _Wrapper(Struct, frozen=True):
    """How a command line goes on to the inner command."""

    valued: frozenset[str] = frozenset()  # options with a value of their own
    skipped: int = 0  # operands before the inner command


def _wrapper(valued: str = "", skipped: int = 0) -> _Wrapper:
    return _Wrapper(frozenset(valued.split()), skipped)


_MPI = _wrapper(
    "-n -np -c -N -p -t -H -hosts -host --host -hostfile --hostfile -machinefile "
    "-ppn -npernode --map-by --bind-to --mca -x -genv -env -A -J -o -e -w --mem"
)
_RUN = _wrapper("-n -p --name --prefix --cwd --with", 1)
_WRAPPERS = {
    "aprun": _MPI,
    "builtin": _wrapper(),
    "busybox": _wrapper(),
    "catchsegv": _wrapper(),
    "chronic": _wrapper(),
    "chrt": _wrapper("-T -P -D", 1),
    "command": _wrapper(),
    "conda": _RUN,
    "eatmydata": _wrapper(),
    "env": _wrapper("-u --unset -C --chdir"),
    "exec": _wrapper("-a"),
    "faketime": _wrapper("", 1),
    "flock": _wrapper("-w --wait -E", 1),
    "ibrun": _MPI,
    "ionice": _wrapper("-c -n -p --class --classdata"),
    "ltrace": _wrapper("-o -e -n"),
    "mamba": _RUN,
    "micromamba": _RUN,
    "mpiexec": _MPI,
    "mpirun": _MPI,
    "nice": _wrapper("-n --adjustment"),
    "nohup": _wrapper(),
    "numactl": _wrapper("-C -N -m -i"),
    "orterun": _MPI,
    "perf": _wrapper("-e -o", 1),
    "pixi": _RUN,
    "poetry": _RUN,
    "setarch": _wrapper("", 1),
    "setsid": _wrapper(),
    "srun": _MPI,
    "stdbuf": _wrapper("-i -o -e --input --output --error"),
    "strace": _wrapper("-o -e -p -s -u"),
    "taskset": _wrapper("", 1),
    "time": _wrapper("-f -o --format --output"),
    "timeout": _wrapper("-k -s --kill-after --signal", 1),
    "toybox": _wrapper(),
    "unbuffer": _wrapper(),
    "uv": _RUN,
    "valgrind": _wrapper(),
    "xargs": _wrapper("-I -n -P -L -a -d -E -s --max-args --max-procs --arg-file"),
}
# Of these, only the one subcommand runs something.
_ONLY_RUN = frozenset(["conda", "mamba", "micromamba", "pixi", "poetry", "uv"])


def inner_commands(call: Call, stdin: str | None) -> Iterator[Sequence[Field]]:
    """Yield the commands that a command runs, each with its arguments."""
    if call.name == "find":
        yield from _found(call.fields)
    elif wrapper := _WRAPPERS.get(call.name):
        inner = _inner(call.fields, wrapper)
        if call.name in _ONLY_RUN and call.arguments[:1] != ["run"]:
            return
        if call.name == "command" and call.has("vV"):
            return
        if call.name == "xargs" and inner:
            inner = [*inner, *map(Field, (stdin or "").split())]
        yield inner


def _inner(fields: Sequence[Field], wrapper: _Wrapper) -> Sequence[Field]:
    skipped, index = wrapper.skipped, 1
    while index < len(fields):
        text = fields[index].text
        if text.startswith("-"):
            index += 2 if text in wrapper.valued else 1
        elif _ASSIGNMENT.fullmatch(text):
            index += 1
        elif skipped:
            skipped -= 1
            index += 1
        else:
            break
    return fields[index:]


def _found(fields: Sequence[Field]) -> Iterator[Sequence[Field]]:
    """Yield what `find` executes; {} is something below where it looks."""
    places = [field for field in fields[1:2] if not field.text.startswith("-")]
    command: list[Field] | None = None
    for field in fields[1:]:
        if field.text in {"-exec", "-execdir", "-ok", "-okdir"}:
            command = []
        elif command is not None and field.text in {";", "+"}:
            yield command
            command = None
        elif command is not None:
            command += places if field.text == "{}" else [field]
        elif field.text == "-delete":
            yield [Field("rm"), Field("-rf"), *places]
    if command:
        yield command
