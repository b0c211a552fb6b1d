"""Going through a script as the shell would, and noting the rules that it breaks."""

from collections.abc import Sequence

from orchestrator.domain.events import Violation
from orchestrator.errors import ScriptUnparsedError
from orchestrator.files.script import bombs, path_rules
from orchestrator.files.script.assignments import assign, loop_over
from orchestrator.files.script.budget import Budget
from orchestrator.files.script.commands import Command, Commands, Parse
from orchestrator.files.script.context import Context, Findings
from orchestrator.files.script.marked import UNKNOWN, clean
from orchestrator.files.script.scope import Scope
from orchestrator.files.script.secrets import is_secret
from orchestrator.files.script.tree import Node, parameters, substitutions

_PIPES = frozenset({"|", "|&"})
_WRITING = frozenset({">", ">>", ">|", "&>", "&>>", "<>", ">&"})


def findings(script: str, parse: Parse) -> tuple[Violation, ...]:
    """Return the rules that a script breaks, by line.

    Raises:
        ScriptUnparsedError: it cannot be read, or not within what we spend on it.
    """
    walk = Walk(parse)
    script = clean(script)
    try:
        walk.run(parse(script), Context(scope=Scope()))
    except RecursionError as error:
        raise ScriptUnparsedError(line=None) from error
    return walk.found.sorted()


class Walk:
    """One walk through a script and the scripts within it."""

    def __init__(self, parse: Parse) -> None:
        self.found = Findings()
        self.budget = Budget()
        self._commands = Commands(self, parse)

    def run(self, statements: Sequence[Node], context: Context) -> None:
        """Walk through statements, one after the other."""
        for statement in statements:
            self.statement(statement, context)

    def report(self, rule: str, line: int, context: Context) -> None:
        """Note that a line breaks a rule."""
        self.found.add(rule, context.lines.of(line))

    def statement(self, statement: Node, context: Context) -> None:
        """Walk through one statement."""
        self.budget.step()
        fed = context.words.stdin(statement.redirs)
        if fed is not None:
            context = context.fed(fed, _document(statement))
        for redirection in statement.redirs:
            self._redirection(redirection, context)
        if statement.background:
            context = context.subshell()
        if statement.cmd is not None:
            self._command(statement.cmd, statement, context)

    def _command(self, node: Node, statement: Node, context: Context) -> None:
        match node.type:
            case "CallExpr":
                self._call(node, statement, context)
            case "BinaryCmd":
                self._binary(node, context)
            case "Block":
                self.run(node.stmts, context)
            case "Subshell":
                self.run(node.stmts, context.subshell())
            case "IfClause":
                self._if(node, context)
            case "WhileClause" | "ForClause":
                self._loop(node, context)
            case "CaseClause":
                self._case(node, context)
            case "FuncDecl":
                self._declare(node, context)
            case "TimeClause" | "CoprocClause":
                self.run((node.stmt,) if node.stmt else (), context)
            case _:
                self._expansions(node, context)
                assign(node.args, context)

    def _binary(self, node: Node, context: Context) -> None:
        # Long chains lean to the left: a loop, since they may be very long.
        chain: list[tuple[str, Node]] = []
        first: Node | None = node.x
        operator, last = node.op, node.y
        while last is not None and first is not None:
            chain.append((operator, last))
            inner = first.cmd
            if inner is None or inner.type != "BinaryCmd" or first.redirs:
                break
            first, operator, last = inner.x, inner.op, inner.y
        if first is not None:
            self._chain(first, [*reversed(chain)], context)

    def _chain(
        self, first: Node, rest: list[tuple[str, Node]], context: Context
    ) -> None:
        # A pipe binds tighter, so that all pipes of a chain are at its beginning.
        piped = rest[0][0] in _PIPES
        self.statement(first, context.subshell() if piped else context)
        previous, output = first, UNKNOWN
        for operator, statement in rest:
            if operator in _PIPES:
                output = context.words.output([previous], output)
                passed = output == context.words.stdin(previous.redirs)
                document = _document(previous) if passed else None
                inner = context.subshell().fed(output, document)
                self.statement(statement, inner)
                previous = statement
            else:
                inner = context.branch() if operator == "||" else context
                self.statement(statement, inner)

    def _if(self, node: Node, context: Context) -> None:
        branch: Node | None = node
        while branch is not None:
            conditions = branch.cond if isinstance(branch.cond, tuple) else ()
            self.run(conditions, context)
            self.run(branch.then, context.branch())
            branch = branch.else_

    def _loop(self, node: Node, context: Context) -> None:
        if node.loop is not None:
            self._expansions(node.loop, context)
            loop_over(node.loop, context)
        elif isinstance(node.cond, tuple):
            self.run(node.cond, context)
        if bombs.starts_for_ever(node):
            self.report("fork-bomb", node.line, context)
        self.run(node.do, context.branch())

    def _case(self, node: Node, context: Context) -> None:
        if node.word is not None:
            self._expansions(node.word, context)
        for item in node.items:
            for pattern in item.patterns:
                self._expansions(pattern, context)
            self.run(item.stmts, context.branch())

    def _declare(self, node: Node, context: Context) -> None:
        if node.name is None or node.body is None:
            return
        context.scope.functions[node.name.text] = node.body
        if bombs.calls_itself(node):
            self.report("fork-bomb", node.line, context)
        # Once as it stands: it may be called from where we do not see it.
        inner = context.subshell().branch()
        inner.scope.arguments = (UNKNOWN,) * 9
        self.statement(node.body, inner)

    def _redirection(self, node: Node, context: Context) -> None:
        for each in (node.word, node.hdoc):
            if each is not None:
                self._expansions(each, context)
        if node.word is None or node.hdoc is not None or node.op == "<<<":
            return
        for _ in context.scope.alternatives():
            text = context.words.text(node.word)
            path = context.scope.resolve(text)
            rules = [*path_rules.reading(path)]
            if node.op in _WRITING and not text.isdecimal() and text != "-":
                rules = [*path_rules.writing(path)]
            for rule in rules:
                self.report(rule, node.line, context)

    def _expansions(self, node: Node, context: Context) -> None:
        """Walk through `$(…)` and `<(…)`, and look at the names of variables."""
        for inner in substitutions(node):
            self.run(inner.stmts, context.subshell())
        for parameter in parameters(node):
            name = parameter.param.text if parameter.param else ""
            if is_secret(name) and name not in context.scope.assigned:
                self.report("secrets", parameter.line, context)

    def _call(self, node: Node, statement: Node, context: Context) -> None:
        self._expansions(node, context)
        if not node.args:
            assign(node.assigns, context)
            return
        for _ in context.scope.alternatives():
            fields = context.words.fields(node.args)
            self._commands.run(Command(fields, node, statement, context))


def _document(statement: Node) -> Node | None:
    documents = [each.hdoc for each in statement.redirs if each.hdoc is not None]
    return documents[-1] if documents else None
