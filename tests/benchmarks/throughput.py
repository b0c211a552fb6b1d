"""How many trivial jobs a second go all the way, and where the CPU time goes."""

import os
import time
from collections.abc import Mapping

import anyio

from tests.benchmarks.bare import bare_spawns
from tests.benchmarks.figure import Baseline, Report, figure
from tests.benchmarks.http_load import job_form, open_load
from tests.benchmarks.installation import Installation, cpu_seconds, installed
from tests.benchmarks.log_watch import LogWatch, watching
from tests.benchmarks.scale import Scale, machine

_SCRIPT = "echo done\n"
_SLOTS = 8
_IN_FLIGHT = 16
_CLIENT = "client"


async def measure(scale: Scale, report: Report) -> None:
    """Keep all slots of one client busy with trivial jobs."""
    rates: list[float] = []
    spent: list[dict[str, float]] = []
    with installed() as one:
        one.start_server()
        one.start_client(_CLIENT, slots=_SLOTS)
        async with watching(one.nats.url) as watch:
            await _run(one, watch, scale.of(100, least=_IN_FLIGHT))  # warm-up
            for _ in range(scale.repeats):
                rate, cpu = await _run(one, watch, scale.of(800, least=_IN_FLIGHT))
                rates.append(rate)
                spent.append(cpu)
    in_flight = [bare_spawns(scale.of(2_000, least=20), _SLOTS) for _ in rates]
    conditions = (
        f"{machine()}; {_SLOTS} slots in one client, {_IN_FLIGHT} jobs in flight, each "
        "submitted over HTTP once its predecessor has completed"
    )
    report(
        figure(
            "throughput.jobs",
            rates,
            "jobs/s",
            baseline=Baseline(f"spawns/s, {_SLOTS} in flight", in_flight),
            conditions=conditions,
        )
    )
    for process in spent[0]:
        values = [cpu[process] for cpu in spent]
        report(
            figure(
                f"throughput.cpu.{process}",
                values,
                "ms CPU/job",
                baseline=Baseline(
                    "ms CPU/job in all", [sum(c.values()) for c in spent]
                ),
                conditions=conditions,
            )
        )


async def _run(
    one: Installation, watch: LogWatch, count: int
) -> tuple[float, dict[str, float]]:
    """Return jobs a second, and the CPU milliseconds of one job by process."""
    before = _spent(one)
    began = time.monotonic()
    left = iter(range(count))

    async def keep_one_in_flight() -> None:
        form = job_form(_SCRIPT)
        async with open_load(one.url) as connection:
            for _ in left:
                await watch.ended(await connection.submit(form))

    async with anyio.create_task_group() as tasks:
        for _ in range(_IN_FLIGHT):
            tasks.start_soon(keep_one_in_flight)
    rate = count / (time.monotonic() - began)
    spent = {
        process: 1_000 * (seconds - before.get(process, 0.0)) / count
        for process, seconds in _spent(one).items()
    }
    return rate, spent


def _spent(one: Installation) -> Mapping[str, float]:
    return {**one.cpu(_CLIENT), "load generator": cpu_seconds(os.getpid())[0]}
