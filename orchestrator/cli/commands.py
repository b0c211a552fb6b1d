"""Which commands there are, and how every ending looks: one line, one exit code."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import cast, override

import rich_click as click

from orchestrator.cli.output import say
from orchestrator.errors import OrchestratorError, ReaderGoneError

_FAILED = 1
_INTERRUPTED = 130
# Each command is in the module of its name.
_PANELS = {
    "Try it, run it": ["demo", "up", "server", "client"],
    "Jobs": ["submit", "status", "wait", "results", "cancel", "jobs"],
    "Operate": ["services", "clients", "log", "rebuild", "import-original"],
}


class _Commands(click.RichGroup):
    """Loads a command when it is wanted: most need little, and should start fast."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in _PANELS.values() for name in names]

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        module = import_module(f"orchestrator.cli.{name}")
        return cast("click.Command", getattr(module, name))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(version("job-orchestrator"), prog_name="job-orchestrator")
def cli() -> None:
    """A fair, explainable, event-sourced job orchestrator."""


for _name, _commands in _PANELS.items():
    cli = click.command_panel(_name, commands=_commands)(cli)


def run(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 fine, 1 a clear error, 2 usage, 130 interrupted."""
    try:
        code = cli.main(
            list(arguments), prog_name="job-orchestrator", standalone_mode=False
        )
    except click.ClickException as error:
        message = _one_line(error.format_message()).removesuffix(".")
        say(f"error: {message}{_hint(error)}")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except (OrchestratorError, BaseExceptionGroup) as error:
        return _report(error)
    return code if isinstance(code, int) else 0


def _report(error: BaseException) -> int:
    """Say what is wrong in one line; raise what nobody expected."""
    leaves = list(_leaves(error))
    for leaf in leaves:
        if not isinstance(leaf, OrchestratorError | KeyboardInterrupt):
            raise error
    expected = [leaf for leaf in leaves if isinstance(leaf, OrchestratorError)]
    if any(isinstance(leaf, ReaderGoneError) for leaf in expected):
        return _FAILED
    for message in dict.fromkeys(_one_line(str(leaf)) for leaf in expected):
        say(f"error: {message}")
    return _FAILED if expected else _INTERRUPTED


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for inner in group.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if isinstance(context, click.Context) else ""
    return f" (see '{path} --help')" if path else ""


def _one_line(message: str) -> str:
    return " ".join(message.split())
