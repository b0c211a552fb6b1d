"""What holds for every file, and no linter knows: names, sizes, places, promises."""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import rich_click as click
from msgspec import Struct

from orchestrator.cli.commands import cli
from orchestrator.domain import events

ROOT = Path(__file__).parents[1]
PACKAGES = ("orchestrator", "projections", "clients")
FOLDERS = (*PACKAGES, "tests", "ops")
TOP_LEVEL = {*FOLDERS, "pyproject.toml", "README.md", "LICENSE"}
MOST_LINES = 300
REASON = re.compile(r"^# Over 300 lines: \w+", re.MULTILINE)
EMPTY_NAMES = {
    "base",
    "common",
    "helper",
    "helpers",
    "manager",
    "misc",
    "util",
    "utils",
}
# A service is also a word of the domain: these are it, and what is done to it.
OF_THE_DOMAIN = {"Service", "ConfigureService", "RetireService"}
# Brackets, so that this file is none of those that it looks for.
OF_ONE_MACHINE = re.compile(
    r"/ro[o]t/|/hom[e]/\w|/Use[r]s/\w|/wor[k]/|"
    r"py[p]i\.org|python[h]osted|index[-_]ur[l]|https?://\S+/(simpl[e]|package[s])/"
)
# Every tag there ever was. One that is given up stays in the list; none is reused.
TAGS = [
    "job.submitted",
    "job.imported",
    "job.assigned",
    "job.started",
    "job.completed",
    "job.failed",
    "job.attempt_lost",
    "job.cancel_requested",
    "job.stop_requested",
    "job.cancelled",
    "service.configured",
    "service.retired",
    "client.joined",
    "client.left",
    "client.lost",
    "writer.elected",
]
GIVEN_UP: set[str] = set()
ADR_PARTS = ["Context", "Decision", "Rejected", "Consequences"]


def files() -> Iterator[Path]:
    yield from (path for path in ROOT.iterdir() if path.name in TOP_LEVEL - {*FOLDERS})
    for folder in (*FOLDERS, ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def pages() -> list[Path]:
    return [ROOT / "README.md", *(ROOT / "ops").rglob("*.md")]


def shown(paths: Iterator[Path] | list[Path]) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in paths)


def test_the_top_level_holds_only_the_fixed_names() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    ).stdout.decode()
    # Without git it is an unpacked archive, and what was made in it since.
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split()}
    names = listed.split("\0") if listed else [path.name for path in ROOT.iterdir()]
    top = {name.partition("/")[0] for name in names if name and name[0] != "."}
    assert top - made <= TOP_LEVEL


def test_a_file_has_300_lines_at_most_or_says_why_not() -> None:
    texts = {path: path.read_text() for path in modules(*PACKAGES, "tests")}
    long = (path for path, text in texts.items() if text.count("\n") > MOST_LINES)
    assert shown(path for path in long if not REASON.search(texts[path])) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert shown([p for p in modules(*FOLDERS) if p.stem in EMPTY_NAMES]) == []


def test_no_class_is_called_a_manager_or_a_service() -> None:
    for path in modules(*FOLDERS):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in OF_THE_DOMAIN:
                assert not node.name.endswith(("Manager", "Service")), path


def test_every_module_says_first_what_it_is_for() -> None:
    # The names of tests are sentences already.
    own = [path for path in modules(*FOLDERS) if not path.name.startswith("test_")]
    texts = ((path, path.read_text()) for path in own)
    silent = (path for path, text in texts if text and not text.startswith('"""'))
    assert shown(silent) == []
    empty = (path for path in modules(*PACKAGES) if not path.stat().st_size)
    assert shown(empty) == []


def test_what_is_exempted_from_a_rule_says_why() -> None:
    bare = re.compile(r"# (noqa|pyright: ignore)(?!.* - \w)")
    for path in modules(*FOLDERS):
        above = ""
        for line in path.read_text().splitlines():
            # The reason may stand in a comment above, or be the one of the line above.
            if bare.search(line):
                assert "#" in above, f"{path}: {line}"
            above = line


def test_nothing_names_a_registry_or_a_path_of_one_machine() -> None:
    for path in files():
        text = path.read_text(encoding="utf-8", errors="replace")
        found = OF_ONE_MACHINE.search(text)
        assert found is None, f"{path}: {found and found[0]}"


def test_the_tag_of_an_event_is_never_changed_and_never_reused() -> None:
    used = [
        str(each.__struct_config__.tag)
        for each in vars(events).values()
        if isinstance(each, type)
        and issubclass(each, Struct)
        and each.__struct_config__.tag is not None
    ]
    assert len(set(TAGS)) == len(TAGS)
    assert sorted(used) == sorted({*TAGS} - GIVEN_UP)


def test_decisions_are_numbered_without_a_gap_and_have_all_parts() -> None:
    decisions = sorted((ROOT / "ops" / "decisions").iterdir())
    assert decisions
    for number, path in enumerate(decisions, start=1):
        assert re.fullmatch(rf"{number:04}-[a-z0-9-]+\.md", path.name)
        text = path.read_text()
        assert text.startswith(f"# {number:04} · ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ADR_PARTS, path
        assert text.count("\n") <= 60, f"{path} is more than a page"


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_every_runbook_and_page_that_an_error_names_is_there() -> None:
    named = {
        name
        for path in modules(*PACKAGES)
        for name in re.findall(r"ops/[\w/.-]+\.md", path.read_text())
    }
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_every_command_of_a_page_is_one_that_there_is(page: Path) -> None:
    for line in _code_in(page.read_text()):
        _, program, words = line.partition("job-orchestrator ")
        if program:
            _require_command(shlex.split(words, comments=True), f"{page}: {line}")


def _code_in(text: str) -> list[str]:
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [*(line for block in blocks for line in block.splitlines()), *spans]


def _require_command(words: list[str], where: str) -> None:
    command: click.Command = cli
    while isinstance(command, click.Group):
        if not words or words[0] == "…":
            return
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, where
        command = found
    known = {option for parameter in command.params for option in parameter.opts}
    known |= {option for each in command.params for option in each.secondary_opts}
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert set(options) <= known | {"--help"}, where
