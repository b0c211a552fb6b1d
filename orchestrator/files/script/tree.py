"""The syntax tree of a script, as `shfmt --to-json` writes it."""

from collections.abc import Iterator

from msgspec import Struct, structs

_LEAVES = frozenset({"Lit", "SglQuoted"})
_SUBSTITUTIONS = frozenset({"CmdSubst", "ProcSubst"})


class Pos(Struct, frozen=True, gc=False, rename="pascal"):
    """Where a node begins."""

    line: int = 0


# One lenient type for all kinds of node: a rule looks at few of them, and what it does
# not know it walks through. gc=False: a tree has no cycles.
class Node(Struct, frozen=True, gc=False, kw_only=True, rename="pascal"):
    """A part of a script; only the fields of its kind are there."""

    type: str = ""
    pos: Pos = Pos()
    op: str = ""

    # statements
    cmd: "Node | None" = None
    redirs: tuple["Node", ...] = ()
    background: bool = False
    stmts: tuple["Node", ...] = ()
    stmt: "Node | None" = None
    body: "Node | None" = None
    cond: "tuple[Node, ...] | Node" = ()
    then: tuple["Node", ...] = ()
    do: tuple["Node", ...] = ()
    items: tuple["Node", ...] = ()
    patterns: tuple["Node", ...] = ()
    loop: "Node | None" = None
    until: bool = False
    x: "Node | None" = None
    y: "Node | None" = None
    z: "Node | None" = None
    init: "Node | None" = None
    post: "Node | bool | None" = None
    exprs: tuple["Node", ...] = ()
    else_: "Node | None" = None

    # assignments and redirections
    assigns: tuple["Node", ...] = ()
    args: tuple["Node", ...] = ()
    name: "Node | None" = None
    value: "Node | str | None" = None
    array: "Node | None" = None
    elems: tuple["Node", ...] = ()
    append: bool = False
    naked: bool = False
    variant: "Node | None" = None
    n: "Node | None" = None
    hdoc: "Node | None" = None
    word: "Node | None" = None

    # words
    parts: tuple["Node", ...] = ()
    dollar: bool | Pos = False  # a place, where it opens a parameter
    param: "Node | None" = None
    excl: bool = False
    length: bool = False
    index: "Node | None" = None
    slice: "Slice | None" = None
    repl: "Replacement | None" = None
    exp: "Node | None" = None

    @property
    def line(self) -> int:
        """The line that the node begins in."""
        return self.pos.line

    @property
    def text(self) -> str:
        """The value of a literal."""
        return self.value if isinstance(self.value, str) else ""


class Slice(Struct, frozen=True, gc=False, rename="pascal"):
    """The numbers of `${name:offset:length}`."""

    offset: Node | None = None
    length: Node | None = None


class Replacement(Struct, frozen=True, gc=False, rename="pascal"):
    """The words of `${name/orig/with}`."""

    all: bool = False
    orig: Node | None = None
    with_: Node | None = None


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes right below one."""
    if node.parts or node.type in _LEAVES:  # most nodes are words, and these are quick
        yield from node.parts
        return
    for value in structs.astuple(node):
        match value:
            case Node():
                yield value
            case tuple():
                yield from value
            case Slice(offset=one, length=two) | Replacement(orig=one, with_=two):
                yield from (each for each in (one, two) if each is not None)
            case _:
                pass


def substitutions(node: Node) -> Iterator[Node]:
    """Yield the `$(…)` and `<(…)` below a node, but not those within them."""
    for found in _below(node, within_substitutions=False):
        if found.type in _SUBSTITUTIONS:
            yield found


def parameters(node: Node) -> Iterator[Node]:
    """Yield the `$name` below a node, but not those within `$(…)` and `<(…)`."""
    for found in _below(node, within_substitutions=False):
        if found.type == "ParamExp":
            yield found


def descendants(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, in the order of the script."""
    return _below(node, within_substitutions=True)


def _below(node: Node, *, within_substitutions: bool) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        if within_substitutions or found.type not in _SUBSTITUTIONS:
            waiting += reversed([*children(found)])
