"""No script takes long, and none breaks the policy itself."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from orchestrator.domain.events import Violation
from orchestrator.files.script_policy import LONGEST_BYTES, broken_rules

UNJUDGED = (Violation(rule="unjudged"),)
WORDS = [
    *("echo", "eval", "bash", "-c", "cd", "..", "/", "rm", "$x", "${x", "}", "x=1"),
    *("'", '"', "`", "$(", ")", "(", "<(", "{", "a,b", "|", "&&", ";", "\n", "\\"),
    *("<<E", "\nE\n", "if", "then", "fi", "for", "in", "do", "done", "f()", "$@"),
    *("${x#", "${x/a/b}", "${!x}", "[[", "]]", "((", "))", "&", ">", "/dev/tcp/a/1"),
]
COSTLY = {
    "many words": "a a a\n" * 40_000,
    "deep substitutions": "echo " + "$(" * 400 + "a" + ")" * 400,
    "deep subshells": "( " * 2_000 + "a" + " )" * 2_000,
    "a long pipeline": "a" + " | a" * 1_000,
    "functions that multiply": "".join(
        f"f{each}() {{ {f'f{each + 1};' * 6} }}\n" for each in range(20)
    )
    + "f0\n",
    "evals without end": 'x=\'eval "$x"\'\neval "$x"\n',
    "scripts within scripts": "".join(f"eval 'echo {each}'\n" for each in range(99)),
}
CHEAP = {
    "a long chain": "a" + " && a" * 300,
    "much data": "cat > big <<'E'\n" + "ATOM 1 2 3\n" * 200_000 + "E\n",
    "values that double": "x=a\n" + "x=$x$x\n" * 500,
    "braces": "echo " + "{a,b}" * 100 + "{" * 100,
    "stars": "x=" + "a" * 150 + "\n" + "y=${x##*a*a*a*a*a*b}\n" * 100,
    "a function that calls itself": "f() { f; f; f; }\nf\n",
    "a long word": "echo " + "a\\b" * 20_000,
}


@pytest.mark.parametrize("script", COSTLY.values(), ids=COSTLY)
def test_what_costs_too_much_is_not_judged(script: str) -> None:
    assert broken_rules(script.encode()) == UNJUDGED


@pytest.mark.parametrize("script", CHEAP.values(), ids=CHEAP)
def test_what_only_looks_costly_is_judged(script: str) -> None:
    assert broken_rules(script.encode()) == ()


def test_a_script_of_more_than_4_mib_is_not_judged() -> None:
    assert broken_rules(b"#" * LONGEST_BYTES) == ()
    assert broken_rules(b"#" * (LONGEST_BYTES + 1)) == UNJUDGED


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=60)
def test_no_bytes_break_it_or_hang_it(script: bytes) -> None:
    before = time.thread_time()

    broken_rules(script)

    assert time.thread_time() - before < 1


@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
@settings(deadline=None, max_examples=100)
def test_no_words_of_the_shell_break_it_or_hang_it(script: str) -> None:
    before = time.thread_time()

    broken_rules(script.encode())

    assert time.thread_time() - before < 1
