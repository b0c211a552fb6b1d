"""The work directory that tests of collecting begin with."""

from pathlib import Path

import pytest

from tests.unit.files.work import Work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)
