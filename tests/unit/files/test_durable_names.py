"""Which directories are flushed when a file gets its name."""

from pathlib import Path

import pytest

from orchestrator.files.durable_names import DurableNames, flush


class Flushes:
    """Flushes, and remembers what."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._flushed: list[str] = []

    def __call__(self, path: Path) -> None:
        flush(path)
        self._flushed.append(path.relative_to(self._root).as_posix())

    def taken(self) -> list[str]:
        taken, self._flushed = self._flushed, []
        return taken


@pytest.fixture
def flushes(tmp_path: Path) -> Flushes:
    return Flushes(tmp_path)


@pytest.fixture
def names(tmp_path: Path, flushes: Flushes) -> DurableNames:
    return DurableNames(tmp_path, flushes)


def made(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory


def test_a_new_directory_is_flushed_with_all_above_it(
    tmp_path: Path, names: DurableNames, flushes: Flushes
) -> None:
    names.flush(made(tmp_path / "results/j1/1"))

    assert flushes.taken() == ["results/j1/1", "results/j1", "results", "."]


def test_a_second_name_in_it_flushes_nothing_else(
    tmp_path: Path, names: DurableNames, flushes: Flushes
) -> None:
    names.flush(made(tmp_path / "results/j1/1"))
    flushes.taken()

    names.flush(tmp_path / "results/j1/1")

    assert flushes.taken() == ["results/j1/1"]


def test_flushing_stops_below_what_is_known(
    tmp_path: Path, names: DurableNames, flushes: Flushes
) -> None:
    names.flush(made(tmp_path / "results/j1/1"))
    flushes.taken()

    names.flush(made(tmp_path / "results/j2/1"))

    assert flushes.taken() == ["results/j2/1", "results/j2", "results"]


def test_a_directory_that_was_made_anew_is_not_known(
    tmp_path: Path, names: DurableNames, flushes: Flushes
) -> None:
    names.flush(made(tmp_path / "inputs"))
    (tmp_path / "inputs").rename(tmp_path / "aside")  # so that its inode stays taken
    flushes.taken()

    names.flush(made(tmp_path / "inputs"))

    assert flushes.taken() == ["inputs", "."]
