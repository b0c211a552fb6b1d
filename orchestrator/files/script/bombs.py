"""Scripts that start copies of themselves without end."""

from collections.abc import Iterator
from posixpath import basename

from orchestrator.files.script.call import Call
from orchestrator.files.script.inner_scripts import SHELLS
from orchestrator.files.script.marked import Field
from orchestrator.files.script.paths import WORK
from orchestrator.files.script.tree import Node, children, descendants

_FOREVER = frozenset({"true", ":", "/bin/true", "/usr/bin/true"})
_PAUSES = frozenset(
    ["wait", "break", "exit", "return", "sleep", "read", "exec", "kill"]
)


def calls_itself(declaration: Node) -> bool:
    """Say whether a function starts itself in the background or in a pipe."""
    name = declaration.name.text if declaration.name else ""
    waiting = [(declaration.body, False)] if declaration.body else []
    while waiting:
        node, spawned = waiting.pop()
        if spawned and name and _literal_name(node) == name:
            return True
        inner = spawned or node.background or node.op in {"|", "|&"}
        waiting += [(child, inner) for child in children(node)]
    return False


def starts_for_ever(loop: Node) -> bool:
    """Say whether a loop without an end starts processes and waits for none."""
    if not _is_endless(loop):
        return False
    body = [found for each in loop.do for found in descendants(each)]
    starts = any(node.background for node in body)
    return starts and not any(_literal_name(node) in _PAUSES for node in body)


def runs_script(call: Call) -> bool:
    """Say whether a command is the script itself, called as it was called."""
    fields = [*call.fields]
    if call.name in SHELLS:
        fields = fields[1:]
    return len(fields) == 1 and _is_script(call, fields[0])


def _is_script(call: Call, field: Field) -> bool:
    return basename(field.text) == "run.sh" and call.path(field) == f"{WORK}/run.sh"


def _is_endless(loop: Node) -> bool:
    if loop.loop is not None:
        return loop.loop.type == "CStyleLoop" and not loop.loop.cond
    names = [*_names(loop.cond)] if isinstance(loop.cond, tuple) else []
    forever = frozenset({"false"}) if loop.until else _FOREVER
    return len(names) == 1 and names[0] in forever


def _names(statements: tuple[Node, ...]) -> Iterator[str]:
    for statement in statements:
        yield _literal_name(statement.cmd) if statement.cmd else ""


def _literal_name(node: Node) -> str:
    if node.type != "CallExpr" or not node.args:
        return ""
    parts = node.args[0].parts
    return "".join(part.text for part in parts if part.type != "ParamExp")
