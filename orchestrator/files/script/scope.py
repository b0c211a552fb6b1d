"""What is known, at a point of a script, of its variables, functions and directory.

Where the script branches, a variable may have one of several values: they are kept as
alternatives, and a command is looked at once for each of them (`choice`).
"""

from collections.abc import Iterator, Sequence

from orchestrator.files.script.marked import DECODED, HOME, UNKNOWN
from orchestrator.files.script.paths import WORK, normal
from orchestrator.files.script.tree import Node

MOST_ALTERNATIVES = 8
_LONGEST_VALUE = 4_096

type Value = tuple[str, ...]  # an array; a plain variable is one of length 1

_GIVEN: dict[str, str] = {
    "HOME": HOME,
    "PWD": WORK,
    "OLDPWD": WORK,
    "TMPDIR": f"{WORK}/.tmp",
    "IFS": " \t\n",
    "PATH": f"/{UNKNOWN}",
    "SHELL": "/bin/bash",
    "BASH": "/bin/bash",
    # These stand, in a text that is parsed, for what is not known of it.
    "_DECODED_": DECODED,
}


class Scope:
    """The variables, functions and arguments that a command sees."""

    def __init__(self) -> None:
        self.choice = 0
        self.width = 1  # the most alternatives that any value looked at had
        self.functions: dict[str, Node] = {}
        self.arguments: Value = ()
        self.assigned: set[str] = set()
        self._variables: dict[str, tuple[Value, ...]] = {
            name: ((text,),) for name, text in _GIVEN.items()
        }

    def child(self) -> "Scope":
        """Return what a subshell begins with; what it changes stays its own."""
        child = Scope()
        child.choice = self.choice
        child.functions = dict(self.functions)
        child.arguments = self.arguments
        child.assigned = set(self.assigned)
        child._variables = dict(self._variables)
        return child

    def get(self, name: str) -> Value | None:
        """Return a variable's value; none where the script has not set it."""
        alternatives = self._variables.get(name)
        if not alternatives:
            return None
        self.width = max(self.width, len(alternatives))
        return alternatives[self.choice % len(alternatives)]

    def set(self, name: str, value: Sequence[str], *, maybe: bool = False) -> None:
        """Assign a value; `maybe`: or else it keeps one that it has."""
        self.assigned.add(name)
        new = (tuple(map(_bounded, value)),)
        old = self._variables.get(name, ()) if maybe else ()
        both = tuple(dict.fromkeys(old + new))
        self._variables[name] = both[-MOST_ALTERNATIVES:]

    def forget(self, name: str) -> None:
        """Let a variable have no value that we know."""
        self.assigned.add(name)
        self._variables.pop(name, None)

    def alternatives(self) -> Iterator[None]:
        """Go through the values that what is looked at meanwhile may have."""
        outer = self.choice, self.width
        self.width = 1
        number = 0
        while number < min(self.width, MOST_ALTERNATIVES):
            self.choice = number
            yield
            number += 1
        self.choice, self.width = outer

    @property
    def directory(self) -> str:
        """The working directory."""
        return (self.get("PWD") or (UNKNOWN,))[0]

    def enter(self, path: str, *, maybe: bool = False) -> None:
        """Change the working directory."""
        self.set("OLDPWD", [self.directory])
        self.set("PWD", [self.resolve(path)], maybe=maybe)

    def resolve(self, path: str) -> str:
        """Return the absolute path that a path means here."""
        return normal(path, self.directory)


def _bounded(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    return DECODED if DECODED in text else UNKNOWN
