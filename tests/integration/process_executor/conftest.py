"""A workbench for each test, with nothing left on it afterwards."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.integration.process_executor.workbench import Workbench


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def workbench(tmp_path: Path) -> AsyncGenerator[Workbench]:
    workbench = Workbench(tmp_path)
    yield workbench
    # Whatever the test left running is stopped by an executor that stops with us.
    async with workbench.executor(stop_with_agent=True):
        pass
