"""Where in a script the walk is, and what it has found so far."""

from dataclasses import dataclass, replace

from orchestrator.domain.events import Violation
from orchestrator.files.script.scope import Scope
from orchestrator.files.script.tree import Node
from orchestrator.files.script.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """From the lines of a script within the script to those of `run.sh`."""

    before: int = 0
    all_at: int | None = None  # the text's own lines mean nothing

    def of(self, line: int) -> int:
        """Return the line of `run.sh`."""
        return self.before + line if self.all_at is None else self.all_at

    def within(self, node: Node | None, otherwise: int) -> "Lines":
        """Return the lines of a text that begins where a node does, if there is one."""
        if node is None or self.all_at is not None:
            return Lines(all_at=self.of(otherwise))
        return Lines(before=self.before + node.line - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a statement is surrounded by."""

    scope: Scope
    lines: Lines = Lines()
    stdin: str | None = None  # what a pipe or here-document feeds in, if known
    document: Node | None = None  # the here-document that this is
    maybe: bool = False  # it is one of several branches
    evaluated: bool = False  # its text is an argument of `eval`
    calls: tuple[str, ...] = ()  # the functions it is in
    depth: int = 0  # of scripts within scripts

    @property
    def words(self) -> Words:
        """The words of the scope."""
        return Words(self.scope)

    def branch(self) -> "Context":
        """Return the same, for what may or may not be run."""
        return replace(self, maybe=True)

    def subshell(self) -> "Context":
        """Return the same, for what changes nothing out here."""
        return replace(self, scope=self.scope.child())

    def fed(self, stdin: str, document: Node | None = None) -> "Context":
        """Return the same with another input."""
        return replace(self, stdin=stdin, document=document)

    def assign(self, name: str, value: tuple[str, ...]) -> None:
        """Give a variable a value."""
        self.scope.set(name, value, maybe=self.maybe)


class Findings:
    """What was found; the same in the same line counts once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], None] = {}

    def add(self, rule: str, line: int) -> None:
        """Note that a line breaks a rule."""
        self._found.setdefault((rule, line))

    def sorted(self) -> tuple[Violation, ...]:
        """Return all, by line; in a line as they were found."""
        inorder = sorted(self._found, key=lambda found: found[1])
        return tuple(Violation(rule=rule, line=line) for rule, line in inorder)
