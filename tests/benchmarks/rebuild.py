"""How fast read models are made anew, beside reading and decoding alone."""

import json
import time

from orchestrator import codec
from orchestrator.event_log.jetstream import open_jetstream
from tests.benchmarks.figure import Baseline, Report, figure
from tests.benchmarks.history import write_completed
from tests.benchmarks.installation import installed
from tests.benchmarks.scale import Scale, machine

_JOBS = 25_000


async def measure(scale: Scale, report: Report) -> None:
    """Rebuild from a log of completed jobs."""
    rates: list[float] = []
    bare: list[float] = []
    with installed() as one:
        end = await write_completed(one.nats.url, scale.of(_JOBS, least=20))
        for _ in range(scale.repeats):
            done = json.loads(one.cli("rebuild", "--json", "--config", str(one.config)))
            assert done["position"] == end
            rates.append(end / done["seconds"])
            bare.append(end / await _read_and_decode(one.nats.url, end))
    report(
        figure(
            "rebuild.events",
            rates,
            "events/s",
            baseline=Baseline("events/s, bare read and decode", bare),
            conditions=f"{machine()}; a log of {end:,} events, rows in DuckDB",
        )
    )


async def _read_and_decode(nats_url: str, end: int) -> float:
    """Return the seconds that a follower takes which only decodes."""
    async with open_jetstream(nats_url) as log:
        began = time.monotonic()
        async for batch in log.follow(0):
            for message in batch:
                codec.decode(message.data, position=message.position)
            if batch[-1].position >= end:
                break
        return time.monotonic() - began
