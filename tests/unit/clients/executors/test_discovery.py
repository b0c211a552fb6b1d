"""Executors are found by name."""

import pytest

from clients.executors.discovery import find_executor
from clients.executors.process import ProcessExecutor
from orchestrator.errors import UnknownExecutorError


def test_the_process_executor_is_installed() -> None:
    assert find_executor("process") is ProcessExecutor


def test_an_unknown_executor_is_refused_naming_the_known() -> None:
    with pytest.raises(UnknownExecutorError, match=r"'proces'.*process") as refused:
        find_executor("proces")
    assert refused.value.name == "proces"
