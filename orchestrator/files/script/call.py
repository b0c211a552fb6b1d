"""One command as a rule sees it: what runs, with which arguments, and where."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from posixpath import basename

from orchestrator.files.script.marked import DECODED, Field
from orchestrator.files.script.paths import is_unknown, normal, paths_in


class Call:
    """A command with its arguments, as far as they are known."""

    def __init__(self, fields: Sequence[Field], directory: str) -> None:
        self.fields = fields
        self._directory = directory

    def of(self, fields: Sequence[Field]) -> "Call":
        """Return another command at the same place."""
        return Call(fields, self._directory)

    @cached_property
    def name(self) -> str:
        """The program, without its directory; "" where that is not known."""
        name = basename(self.fields[0].text)
        return "" if is_unknown(name) else name

    @property
    def is_decoded(self) -> bool:
        """Whether the program's name comes out of a decoder."""
        return DECODED in self.fields[0].text

    @cached_property
    def arguments(self) -> list[str]:
        """All arguments."""
        return [field.text for field in self.fields[1:]]

    @cached_property
    def operands(self) -> list[Field]:
        """The arguments that are no options."""
        found: list[Field] = []
        options = True
        for field in self.fields[1:]:
            if options and field.text == "--":
                options = False
            elif not (options and field.text.startswith("-") and field.text != "-"):
                found.append(field)
        return found

    def has(self, short: str, *long: str) -> bool:
        """Say whether one of these options is given; `short` is letters."""
        return any(
            argument in long
            or (argument[:1] == "-" != argument[1:2] and set(argument[1:]) & set(short))
            for argument in self.arguments
        )

    def value_of(self, *options: str) -> str | None:
        """Return what follows one of these options, as "-c" in `bash -c TEXT`."""
        for option, value in zip(self.arguments, self.arguments[1:], strict=False):
            if option in options:
                return value
        return None

    def path(self, field: Field) -> str:
        """Return the absolute path that an argument means here."""
        return normal(field.text, self._directory)

    def targets(self) -> list[str]:
        """Return the absolute paths of all operands."""
        return [self.path(field) for field in self.operands if field.text]

    def mentioned(self) -> Iterator[tuple[str, bool]]:
        """Yield every path that an argument may name, and whether it is a pattern."""
        for field in self.fields[1:]:
            for path in paths_in(field.text):
                if path and "\n" not in path:
                    yield normal(path, self._directory), field.glob
