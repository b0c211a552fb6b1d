"""How fast a large file goes all the way round, and what that does to memory."""

import os
import shutil
import time
from pathlib import Path

from msgspec import Struct

from tests.benchmarks.figure import Baseline, Report, figure
from tests.benchmarks.http_load import large_form, open_load
from tests.benchmarks.installation import Installation, installed, memory_bytes
from tests.benchmarks.log_watch import watching
from tests.benchmarks.scale import Scale, machine

_MIB = 1 << 20
_SIZE = 400 * _MIB
_CLIENT = "client"
_SCRIPT = "echo done\n"


class _Run(Struct, frozen=True):
    """MB/s of each leg, and by how much the peak of each process grew."""

    speeds: dict[str, float]
    growth: dict[str, float]


async def measure(scale: Scale, report: Report) -> None:
    """Submit a large file, have a client bring it back as a result, and fetch that.

    Large: so there is one run for three of others.
    """
    size = scale.of(_SIZE, least=_MIB)
    runs: list[_Run] = []
    copies: list[float] = []
    for _ in range(max(1, scale.repeats // 3)):
        # Whole MiB more than a file may have: the form around it counts too.
        with installed(max_upload_bytes=str(size + _MIB)) as one:
            source = one.directory / "source"
            _write_random(source, size)
            copies.append(_copy(source, size))
            runs.append(await _go_round(one, source, size))
    conditions = (
        f"{machine()}; one incompressible file of {size // _MIB} MiB, durable each time"
    )
    for leg in runs[0].speeds:
        report(
            figure(
                f"transfer.{leg}",
                [run.speeds[leg] for run in runs],
                "MB/s",
                baseline=Baseline("MB/s, copied and flushed", copies),
                conditions=conditions,
            )
        )
    for process in runs[0].growth:
        values = [run.growth[process] for run in runs]
        name = f"transfer.memory.{process}"
        report(figure(name, values, "MiB more at most", conditions=conditions))


async def _go_round(one: Installation, source: Path, size: int) -> _Run:
    one.start_server()
    one.start_client(_CLIENT)
    one.until_client_joined()
    pids = {"server": one.server_pid, "client": one.client_pid(_CLIENT)}
    before = {process: memory_bytes(pid) for process, pid in pids.items()}
    marks = [time.monotonic()]
    async with watching(one.nats.url) as watch, open_load(one.url) as connection:
        job_id = await connection.submit_large(large_form(_SCRIPT, source))
        marks.append(time.monotonic())
        marks.append(await watch.started(job_id))
        marks.append(await watch.ended(job_id))
    async with open_load(one.url) as connection:
        begun = time.monotonic()
        assert await connection.drain(f"/jobs/{job_id}/results") >= size
        marks += [begun, time.monotonic()]
    legs = {"upload": (0, 1), "inputs": (1, 2), "results": (2, 3), "download": (4, 5)}
    return _Run(
        speeds={
            leg: size / 1e6 / (marks[end] - marks[begin])
            for leg, (begin, end) in legs.items()
        },
        growth={
            process: (memory_bytes(pid, "VmHWM") - before[process]) / _MIB
            for process, pid in pids.items()
        },
    )


def _write_random(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // _MIB):
            file.write(os.urandom(_MIB))


def _copy(source: Path, size: int) -> float:
    """Return the MB/s of a plain copy that is flushed to the disk."""
    target = source.with_name("copy")
    began = time.monotonic()
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    seconds = time.monotonic() - began
    target.unlink()
    return size / 1e6 / seconds
