"""How long a server takes to lead, with very many live jobs."""

import time

from tests.benchmarks.figure import Baseline, Report, figure
from tests.benchmarks.history import write_queued
from tests.benchmarks.installation import Installation, installed
from tests.benchmarks.scale import Scale, machine

_JOBS = 100_000


async def measure(scale: Scale, report: Report) -> None:
    """Start on an empty log, on a long one, from a snapshot, and after a crash."""
    jobs = scale.of(_JOBS, least=20)
    empty = [_empty_start() for _ in range(scale.repeats)]
    baseline = Baseline("s, with an empty log", empty)
    conditions = (
        f"{machine()}; {jobs:,} queued jobs; from the command until /ready says leading"
    )
    with installed() as one:
        await write_queued(one.nats.url, jobs)
        took = {
            "without_snapshot": [_start(one)],
            "from_snapshot": [],
            "after_kill": [],
        }
        for _ in range(scale.repeats):
            one.stop_server()
            took["from_snapshot"].append(_start(one))
            one.kill_server()
            took["after_kill"].append(_start(one))
    for how, seconds in took.items():
        name = f"start.{how}"
        report(
            figure(name, seconds, "s", baseline=baseline, conditions=conditions),
        )


def _empty_start() -> float:
    with installed() as one:
        return _start(one)


def _start(one: Installation) -> float:
    began = time.monotonic()
    one.start_server()
    return time.monotonic() - began
