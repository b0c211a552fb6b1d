"""How many submissions a second are durable: files flushed, event acknowledged."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from orchestrator.event_log.jetstream import open_jetstream
from tests.benchmarks.figure import Baseline, Report, figure, percentile
from tests.benchmarks.history import draft, lifecycle
from tests.benchmarks.http_load import job_form, open_load
from tests.benchmarks.installation import installed
from tests.benchmarks.scale import Scale, machine
from tests.nats_server import NatsServer

_CONNECTIONS = 64
_SCRIPT = "echo done\n"


async def measure(scale: Scale, report: Report) -> None:
    """Submit small jobs over many connections; no client takes them."""
    rates: list[float] = []
    waits: list[list[float]] = []
    with installed() as one:
        one.start_server()
        await _run(one.url, scale.of(500, least=_CONNECTIONS))  # warm-up
        for _ in range(scale.repeats):
            rate, took = await _run(one.url, scale.of(3_000, least=_CONNECTIONS))
            rates.append(rate)
            waits.append(took)
    appends = [await _bare_appends(scale.of(2_000, least=10)) for _ in rates]
    conditions = f"{machine()}; {_CONNECTIONS} connections, one small script each"
    report(
        figure(
            "submissions.rate",
            rates,
            "submissions/s",
            baseline=Baseline("bare fenced appends/s, one by one", appends),
            conditions=conditions,
        )
    )
    for percent in (50, 99):
        values = [percentile(took, percent) for took in waits]
        name = f"submissions.wait.p{percent}"
        report(figure(name, values, "ms", conditions=conditions))


async def _run(url: str, count: int) -> tuple[float, list[float]]:
    """Return submissions a second, and how many milliseconds each took."""
    left = iter(range(count))
    took: list[float] = []

    async def submit() -> None:
        form = job_form(_SCRIPT)
        async with open_load(url) as connection:
            for _ in left:
                began = time.monotonic()
                await connection.submit(form)
                took.append((time.monotonic() - began) * 1_000)

    began = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for _ in range(_CONNECTIONS):
            tasks.start_soon(submit)
    return count / (time.monotonic() - began), took


async def _bare_appends(count: int) -> float:
    """Return how many events a second can be appended, each behind the fence."""
    drafts = [draft(next(lifecycle(number))) for number in range(count)]
    with TemporaryDirectory(prefix="benchmark-") as directory:
        nats = NatsServer(Path(directory))
        nats.start()
        try:
            async with open_jetstream(nats.url) as log:
                began = time.monotonic()
                for position, one in enumerate(drafts):
                    await log.append([one], expected=position)
                return count / (time.monotonic() - began)
        finally:
            nats.stop()
