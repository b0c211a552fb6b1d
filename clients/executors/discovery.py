"""Executors by name: whatever is installed under the entry points of their group."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import entry_points
from typing import cast

from clients.executors.executor import Executor
from orchestrator.errors import UnknownExecutorError

GROUP = "orchestrator.executors"

# Called with a control directory and the executor's own settings.
type ExecutorFactory = Callable[..., AbstractAsyncContextManager[Executor]]


def known_executors() -> list[str]:
    """Return the names of the executors that are installed."""
    return sorted(entry_points(group=GROUP).names)


def find_executor(name: str) -> ExecutorFactory:
    """Return what makes the executor of that name.

    Raises:
        UnknownExecutorError: nothing of that name is installed.
    """
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise UnknownExecutorError(name=name, known=known_executors())
    return cast("ExecutorFactory", found[name].load())
