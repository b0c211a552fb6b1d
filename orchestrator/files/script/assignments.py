"""What assignments and loops do to the variables of a scope."""

from collections.abc import Iterable

from orchestrator.files.script.context import Context
from orchestrator.files.script.marked import UNKNOWN
from orchestrator.files.script.scope import MOST_ALTERNATIVES, Value
from orchestrator.files.script.tree import Node

_LONGEST_ARRAY = 100


def assign(assignments: Iterable[Node], context: Context) -> None:
    """Give variables their values, each of those that the value may have."""
    for node in assignments:
        if node.name is None or node.naked:
            continue
        for number, _ in enumerate(context.scope.alternatives()):
            value = _value(node, context)
            maybe = context.maybe or number > 0
            context.scope.set(node.name.text, value, maybe=maybe)


def loop_over(loop: Node, context: Context) -> None:
    """Let the variable of a loop be any of its items."""
    if loop.name is None:
        return
    items = [field.text for field in context.words.fields(loop.items)]
    for number, item in enumerate(items[:MOST_ALTERNATIVES] or [UNKNOWN]):
        context.scope.set(loop.name.text, [item], maybe=number > 0)


def _value(node: Node, context: Context) -> Value:
    words, name = context.words, node.name.text if node.name else ""
    old = context.scope.get(name) or ()
    if node.array is not None:
        elements = (each.value for each in node.array.elems)
        nodes = [each for each in elements if isinstance(each, Node)]
        new = tuple(field.text for field in words.fields(nodes))
        return (old + new)[:_LONGEST_ARRAY] if node.append else new
    text = words.text(node.value) if isinstance(node.value, Node) else ""
    if node.index is not None:
        return _with_element(old, words.text(node.index), text)
    return ("".join(old[:1]) + text, *old[1:]) if node.append else (text,)


def _with_element(old: Value, index: str, text: str) -> Value:
    if not index.isdecimal() or int(index[:4]) >= _LONGEST_ARRAY:
        return (*old, text)[:_LONGEST_ARRAY]
    place = int(index[:4])
    padded = [*old, *("",) * (place + 1 - len(old))]
    padded[place] = text
    return tuple(padded)
