"""Running a command on paper: its rules, the commands it runs, the scripts in it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from orchestrator.errors import ScriptUnparsedError
from orchestrator.files.script import bombs, inner_scripts, wrappers
from orchestrator.files.script.budget import Budget
from orchestrator.files.script.builtins import carry_out
from orchestrator.files.script.call import Call
from orchestrator.files.script.command_rules import broken_by
from orchestrator.files.script.context import Context
from orchestrator.files.script.marked import DECODED, UNKNOWN, Field
from orchestrator.files.script.rule_ids import UNJUDGED_SYNTAX
from orchestrator.files.script.tree import Node, descendants

type Parse = Callable[[str], tuple[Node, ...]]

_DEEPEST = 6  # scripts within scripts, functions within functions, env env env …
_STAYS = frozenset({"eval", "trap", "alias", "source", "."})  # in the same shell


class Walker(Protocol):
    """What goes through statements."""

    budget: Budget

    def run(self, statements: Sequence[Node], context: Context) -> None:
        """Walk through statements, one after the other."""
        ...

    def statement(self, statement: Node, context: Context) -> None:
        """Walk through one statement."""
        ...

    def report(self, rule: str, line: int, context: Context) -> None:
        """Note that a line breaks a rule."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its arguments, and where it stands."""

    fields: Sequence[Field]
    node: Node
    statement: Node
    context: Context


class Commands:
    """Looks at commands, for one walk."""

    def __init__(self, walker: Walker, parse: Parse) -> None:
        self._walker = walker
        self._parse = parse
        self._parsed: dict[str, tuple[Node, ...]] = {}

    def run(self, command: Command, depth: int = 0) -> None:
        """Look at a command, and at all that it runs.

        Raises:
            ScriptUnparsedError: that is more than we spend on a script.
        """
        if not command.fields or depth > _DEEPEST:
            return
        self._walker.budget.step()
        context = command.context
        call = Call(command.fields, context.scope.directory)
        if call.fields[0].text in context.scope.functions and not depth:
            self._function(call, context)
            return
        # First what is run in the end: it says best what is wrong.
        for fields in wrappers.inner_commands(call, context.stdin):
            self.run(replace(command, fields=fields), depth + 1)
        for rule in _broken_by(command, call):
            self._walker.report(rule, command.node.line, context)
        carry_out(call, context, context.stdin)
        self._scripts(command, call)

    def _function(self, call: Call, context: Context) -> None:
        name, scope = call.fields[0].text, context.scope
        if name in context.calls or len(context.calls) >= _DEEPEST:
            return
        before, scope.arguments = scope.arguments, tuple(call.arguments)
        inner = replace(context, calls=(*context.calls, name))
        self._walker.statement(scope.functions[name], inner)
        scope.arguments = before

    def _scripts(self, command: Command, call: Call) -> None:
        for text in inner_scripts.texts(call):
            word = _word_of(text, command)
            self._script(text, word, command, _surroundings(call, command.context))
        stdin = command.context.stdin
        if stdin is not None and inner_scripts.reads_script(call):
            inner = _surroundings(call, command.context)
            self._script(stdin, command.context.document, command, inner)
        if inner_scripts.runs_substitution(call):
            for word in command.node.args:
                self._substitution(word, command, call)

    def _substitution(self, word: Node, command: Command, call: Call) -> None:
        for part in word.parts:
            if part.type == "ProcSubst":
                text = command.context.words.output(part.stmts)
                inner = _surroundings(call, command.context)
                self._script(text, None, command, inner)

    def _script(
        self, text: str, origin: Node | None, command: Command, context: Context
    ) -> None:
        """Look at a text that a shell is given; `origin` is where it begins."""
        line = command.node.line
        if not text.strip():
            return
        lines = context.lines.within(origin, line)
        inner = replace(context, lines=lines, depth=context.depth + 1)
        try:
            statements = self._statements(text, inner.depth)
        except ScriptUnparsedError as error:
            if error.line is None:
                raise
            if rule := _rule_of_broken(text, context):
                self._walker.report(rule, line, command.context)
        else:
            self._walker.run(statements, inner)

    def _statements(self, text: str, depth: int) -> tuple[Node, ...]:
        found = self._parsed.get(text)
        if found is None:
            self._walker.budget.script()
            if depth > _DEEPEST:
                raise ScriptUnparsedError(line=None)
            source = text.replace(UNKNOWN, "${_UNKNOWN_}")
            found = self._parse(source.replace(DECODED, "${_DECODED_}"))
            self._parsed[text] = found
        return found


def _broken_by(command: Command, call: Call) -> Iterator[str]:
    program = call.fields[0].text
    if call.is_decoded:
        yield "obfuscation.decoded"
    elif command.context.evaluated and program.startswith(UNKNOWN):
        yield "obfuscation.eval"
    if command.statement.background and bombs.runs_script(call):
        yield "fork-bomb"
    yield from broken_by(call)


def _surroundings(call: Call, context: Context) -> Context:
    """Return what a script within a command is surrounded by."""
    if call.name in _STAYS:
        inner = context if call.name == "eval" else context.branch()
        return replace(inner, evaluated=call.name == "eval")
    inner = context.subshell()
    inner.scope.arguments = inner_scripts.positional(call)
    return replace(inner, evaluated=False, stdin=None)


def _word_of(text: str, command: Command) -> Node | None:
    """Return the word that a text of several lines stands in, all its lines there."""
    words, breaks = command.context.words, text.count("\n")
    for word in command.node.args if breaks else ():
        if words.text(word) == text:
            there = sum(each.text.count("\n") for each in descendants(word))
            return word if there == breaks else None
    return None


def _rule_of_broken(text: str, context: Context) -> str | None:
    if UNKNOWN not in text and DECODED not in text:
        return UNJUDGED_SYNTAX
    # What is not known may have been what makes sense of it.
    return "obfuscation.eval" if context.evaluated else None
