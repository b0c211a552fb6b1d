"""Errors as problems: one map, and nothing secret in an answer."""

import pytest
from structlog.testing import capture_logs

from orchestrator.api.problems import describe
from orchestrator.errors import (
    CommandRejectedError,
    ExecutorError,
    InvalidCommandError,
    LogError,
    LogUnreachableError,
    OrchestratorError,
    UnknownServiceError,
    UploadTooLargeError,
)


def test_an_error_keeps_its_facts() -> None:
    problem, _ = describe(UnknownServiceError(service="x", known=("a", "b")))
    assert (problem.status, problem.known) == (422, ("a", "b"))
    problem, _ = describe(UploadTooLargeError(what="body", limit=7))
    assert (problem.status, problem.limit) == (413, 7)
    problem, _ = describe(InvalidCommandError(field="slots", why="too few"))
    assert (problem.field, problem.detail) == ("slots", "slots: too few")


def test_what_may_soon_succeed_says_when_to_try_again() -> None:
    problem, headers = describe(LogUnreachableError(url="nats://x", why="refused"))
    assert (problem.status, headers) == (503, {"Retry-After": "2"})


@pytest.mark.parametrize("family", [CommandRejectedError, LogError])
def test_every_error_that_a_command_can_raise_has_a_status(
    family: type[OrchestratorError],
) -> None:
    for kind in _descendants(family):
        # Without its facts: only the class decides the status.
        problem, _ = describe(kind.__new__(kind))
        assert 400 <= problem.status < 600
        assert problem.type != "/problems/internal", kind


def _descendants(family: type[OrchestratorError]) -> list[type[OrchestratorError]]:
    return [family, *(d for kid in family.__subclasses__() for d in _descendants(kid))]


@pytest.mark.parametrize("error", [KeyError("secret"), ExecutorError("secret")])
def test_what_nobody_foresaw_is_logged_once_and_told_to_nobody(
    error: Exception,
) -> None:
    with capture_logs() as lines:
        problem, _ = describe(error)
    assert problem.status == 500
    assert "secret" not in problem.detail
    assert [line["request_id"] for line in lines] == [problem.request_id]
    assert lines[0]["exc_info"] is error
