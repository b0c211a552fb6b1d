"""What the script policy refuses, with rule and line, and what it lets pass."""

from pathlib import Path

import pytest

from orchestrator.domain.events import Violation
from orchestrator.files.script.rule_ids import RULES
from orchestrator.files.script_policy import ScriptPolicy, Verdict, broken_rules, judge

SCRIPTS = Path(__file__).parents[2] / "data" / "scripts"
HOSTILE = sorted((SCRIPTS / "hostile").glob("*.sh"))
INNOCENT = sorted((SCRIPTS / "innocent").glob("*.sh"))
PAGE = Path(__file__).parents[3] / "ops" / "script-policy.md"
DENY = ScriptPolicy()
TWO_RULES = b"echo hi\nsudo id\ncurl example.org\n"
SUDO = Violation(rule="privilege.sudo", line=2)
CURL = Violation(rule="network.curl", line=3)


def refused(script: str, policy: ScriptPolicy = DENY) -> str | None:
    violation = judge(script.encode(), policy).violation
    return violation and f"{violation.rule} {violation.line}"


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_a_hostile_script_is_refused_with_the_rule_and_the_line(path: Path) -> None:
    script = path.read_text()
    first_line = script.partition("\n")[0]

    assert refused(script) == first_line.removeprefix("# refused: ")


@pytest.mark.parametrize("path", INNOCENT, ids=lambda path: path.stem)
def test_an_innocent_script_passes_without_a_warning(path: Path) -> None:
    assert broken_rules(path.read_bytes()) == ()


def test_there_are_enough_of_both_kinds() -> None:
    assert len(HOSTILE) >= 40
    assert len(INNOCENT) >= 20


def test_the_first_broken_rule_refuses_a_script() -> None:
    assert judge(TWO_RULES, DENY) == Verdict(violation=SUDO)


def test_a_service_that_warns_refuses_nothing_and_names_every_line() -> None:
    verdict = judge(TWO_RULES, ScriptPolicy(mode="warn"))

    assert verdict == Verdict(warnings=(SUDO, CURL))


def test_a_service_without_a_policy_says_nothing() -> None:
    assert judge(TWO_RULES, ScriptPolicy(mode="off")) == Verdict()


@pytest.mark.parametrize("allowed", ["privilege", "privilege.sudo"])
def test_an_allowed_rule_does_not_count(allowed: str) -> None:
    assert judge(TWO_RULES, ScriptPolicy(allow=(allowed,))) == Verdict(violation=CURL)


def test_a_user_is_not_warned_more_often_than_can_be_read() -> None:
    verdict = judge(b"sudo id\n" * 50, ScriptPolicy(mode="warn"))

    assert [warning.line for warning in verdict.warnings] == [*range(1, 21)]


def test_a_broken_script_is_refused_at_the_line_of_its_error() -> None:
    assert refused("echo a\nif true\nfi\n") == "unjudged.syntax 3"


@pytest.mark.parametrize("path", [*HOSTILE, *INNOCENT], ids=lambda path: path.stem)
def test_every_rule_that_is_ever_named_can_be_allowed(path: Path) -> None:
    assert {each.rule for each in broken_rules(path.read_bytes())} <= RULES


def test_every_rule_is_explained_to_operators() -> None:
    page = PAGE.read_text()

    assert [rule for rule in sorted(RULES) if f"`{rule}`" not in page] == []
