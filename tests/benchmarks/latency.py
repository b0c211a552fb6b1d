"""How long a caller waits: until a job is accepted, runs, and has completed."""

import time

from msgspec import Struct

from tests.benchmarks.bare import bare_spawns
from tests.benchmarks.figure import Baseline, Report, figure, percentile
from tests.benchmarks.http_load import LoadConnection, job_form, open_load
from tests.benchmarks.installation import installed
from tests.benchmarks.log_watch import LogWatch, watching
from tests.benchmarks.scale import Scale, machine

_SCRIPT = "echo done\n"
_SLOTS = 2


class _Times(Struct, frozen=True):
    accepted: float  # milliseconds since the request was sent
    running: float
    completed: float


async def measure(scale: Scale, report: Report) -> None:
    """Submit trivial jobs, one after the other, to an idle system."""
    with installed() as one:
        one.start_server()
        one.start_client("client", slots=_SLOTS)
        async with watching(one.nats.url) as watch, open_load(one.url) as connection:
            await _run(connection, watch, scale.of(20, least=2))  # warm-up
            count = scale.of(150, least=3)
            runs = [await _run(connection, watch, count) for _ in range(scale.repeats)]
    spawns = [1_000 / bare_spawns(scale.of(300, least=5), 1) for _ in runs]
    conditions = (
        f"{machine()}; one job at a time, one client with {_SLOTS} slots, one small "
        "script; until a subscriber of log.> has the event"
    )
    for part in ("accepted", "running", "completed"):
        for percent in (50, 99):
            values = [percentile([getattr(t, part) for t in r], percent) for r in runs]
            report(
                figure(
                    f"latency.{part}.p{percent}",
                    values,
                    "ms",
                    baseline=Baseline("ms, bare spawn of bash run.sh", spawns),
                    conditions=conditions,
                )
            )


async def _run(connection: LoadConnection, watch: LogWatch, count: int) -> list[_Times]:
    form = job_form(_SCRIPT)
    return [await _one(connection, watch, form) for _ in range(count)]


async def _one(connection: LoadConnection, watch: LogWatch, form: bytes) -> _Times:
    began = time.monotonic()
    job_id = await connection.submit(form)
    accepted = time.monotonic()
    moments = accepted, await watch.started(job_id), await watch.ended(job_id)
    return _Times(*((moment - began) * 1_000 for moment in moments))
