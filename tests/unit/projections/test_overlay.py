from random import Random

import pytest
from hypothesis import given, strategies

from orchestrator.domain.ids import ClientId, JobId, ServiceName
from orchestrator.errors import LogLiedError
from projections.checkpoint import Checkpoint
from projections.overlay import Overlay, Rows
from projections.read_models.batch import Batch
from projections.read_models.clients import ClientView
from projections.read_models.jobs import JobView
from projections.read_models.services import ServiceView
from tests.unit.projections.histories import folded, history, seeded

STEPS = strategies.lists(strategies.sampled_from(["fold", "take", "wrote", "failed"]))


class Disk:
    """The rows as batches leave them; it refuses what a table would refuse."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.jobs: dict[JobId, JobView] = {}
        self.services: dict[ServiceName, ServiceView] = {}
        self.clients: dict[ClientId, ClientView] = {}

    def write(self, batch: Batch) -> None:
        self.positions += [position for position, _, _ in batch.messages]
        for view in batch.new_jobs:
            assert view.job_id not in self.jobs
            self.jobs[view.job_id] = view
        for view in batch.changed_jobs:
            assert view.job_id in self.jobs
            self.jobs[view.job_id] = view
        self.services |= {view.name: view for view in batch.services}
        self.clients |= {view.client_id: view for view in batch.clients}


def empty() -> Overlay:
    return Overlay(
        Rows(checkpoint=Checkpoint(), live=(), services=(), clients=(), counts={})
    )


@given(
    strategies.randoms(use_true_random=False), STEPS, strategies.integers(min_value=1)
)
def test_rows_do_not_depend_on_when_flushes_happen_or_fail(
    random: Random, steps: list[str], size: int
) -> None:
    messages = folded(history(random, 120))
    overlay, disk, batch, start = empty(), Disk(), None, 0
    for step in steps:
        if step == "fold":
            stop = start + 1 + size % 17
            overlay.fold(messages[start:stop])
            start = stop
        elif step == "take" and batch is None:
            batch = overlay.take()
        elif step == "wrote" and batch is not None:
            disk.write(batch)
            overlay.forget(batch)
            batch = None
        elif step == "failed" and batch is not None:
            overlay.give_back(batch)
            batch = None
    if batch is not None:
        overlay.give_back(batch)
    overlay.fold(messages[start:])
    last = overlay.take()
    disk.write(last)
    overlay.forget(last)
    expected, once = Disk(), empty()
    once.fold(messages)
    expected.write(once.take())
    assert vars(disk) == vars(expected)
    assert overlay.checkpoint == once.checkpoint
    assert overlay.counts == once.counts


def test_only_live_jobs_stay_in_memory_after_a_flush() -> None:
    overlay = empty()
    overlay.fold(folded(seeded(3, 300)))
    assert any(view.ended for view in overlay.jobs.values())
    overlay.forget(overlay.take())
    assert overlay.jobs
    assert not any(view.ended for view in overlay.jobs.values())
    assert overlay.unflushed == 0


def test_what_was_folded_before_is_dropped() -> None:
    messages = folded(seeded(3, 50))
    overlay = empty()
    overlay.fold(messages[:30])
    assert overlay.fold(messages[:30]) == []
    overlay.fold(messages[10:])
    assert (overlay.position, overlay.unflushed) == (50, 50)


def test_a_missing_message_is_noticed_before_anything_is_folded() -> None:
    messages = folded(seeded(3, 50))
    overlay = empty()
    with pytest.raises(LogLiedError, match="position 4"):
        overlay.fold([*messages[:3], *messages[4:]])
    assert overlay.position == 0
