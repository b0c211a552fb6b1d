"""Words of a script and what they come to: the fields that a command gets."""

from collections.abc import Iterable

from orchestrator.files.script import marked, output
from orchestrator.files.script.expansion import expand
from orchestrator.files.script.marked import UNKNOWN, Field, Marked
from orchestrator.files.script.scope import Scope
from orchestrator.files.script.tree import Node

_MOST_FIELDS = 2_000


class Words:
    """Resolves words as they stand in one scope; what cannot be known is UNKNOWN."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def fields(self, words: Iterable[Node]) -> list[Field]:
        """Return the arguments that words become."""
        found: list[Field] = []
        for word in words:
            found += marked.fields(self._marked(word.parts), self._separators())
            if len(found) > _MOST_FIELDS:
                break
        return found

    def text(self, word: Node | None) -> str:
        """Return what a word comes to where it is not split."""
        return marked.plain(self._marked(word.parts)) if word else ""

    def output(self, statements: Iterable[Node], stdin: str = UNKNOWN) -> str:
        """Return what statements write, as far as that can be known."""
        return output.output_of(statements, self, stdin)

    def stdin(self, redirections: Iterable[Node]) -> str | None:
        """Return the text that a here-document or here-string feeds in, if any does."""
        text = None
        for each in redirections:
            if each.hdoc is not None:
                text = self._document(each)
            elif each.op == "<<<":
                text = self.text(each.word) + "\n"
            elif each.op == "<" and each.word and each.word.parts:
                part = each.word.parts[0]
                text = self.output(part.stmts) if part.type == "ProcSubst" else UNKNOWN
        return text

    def _separators(self) -> str:
        return "".join(self.scope.get("IFS") or (" \t\n",))

    def _document(self, redirection: Node) -> str:
        assert redirection.hdoc is not None  # noqa: S101 - for the type checker
        parts = redirection.hdoc.parts
        delimiter = redirection.word.parts if redirection.word else ()
        if any(part.type != "Lit" or "\\" in part.text for part in delimiter):
            return "".join(part.text for part in parts)
        return "".join(self._inner(parts)[0])

    def _marked(self, parts: Iterable[Node]) -> Marked:
        pieces = [self._piece(part) for part in parts]
        return Marked(
            "".join(piece.text for piece in pieces),
            "".join(piece.mask for piece in pieces),
        )

    def _piece(self, part: Node) -> Marked:
        match part.type:
            case "Lit":
                return marked.literal(part.text)
            case "SglQuoted":
                text = marked.ansi_c(part.text) if part.dollar is True else part.text
                return marked.quoted(text)
            case "DblQuoted":
                return marked.quoted(*self._inner(part.parts))
            case "ExtGlob":
                return Marked("*", "l")
            case _:
                return marked.expanded(*self._expanded(part))

    def _inner(self, parts: Iterable[Node]) -> list[str]:
        """Return the fields within double quotes: one, but for "$@" and its like."""
        found = [""]
        for part in parts:
            if part.type == "Lit":
                found[-1] += marked.in_double_quotes(part.text)
                continue
            first, *more = self._expanded(part) or ("",)
            found[-1] += first
            found += more
        return found

    def _expanded(self, part: Node) -> tuple[str, ...]:
        match part.type:
            case "ParamExp":
                return expand(part, self.scope, self.text)
            case "CmdSubst":
                return (self.output(part.stmts).rstrip("\n"),)
            case "ProcSubst":
                return ("/dev/fd/63",)
            case _:
                return (UNKNOWN,)
