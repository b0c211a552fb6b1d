"""`python -m tests.benchmarks [NAME …] [--json]`: measure, and print what was found."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Protocol, cast

import anyio
import msgspec

from tests.benchmarks.figure import Figure, Report, table
from tests.benchmarks.scale import Scale

NAMES = (
    "latency",
    "throughput",
    "submissions",
    "writer",
    "rebuild",
    "start",
    "memory",
    "transfer",
    "takeover",
)


class _Benchmark(Protocol):
    async def measure(self, scale: Scale, report: Report) -> None: ...


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 1 when a benchmark did not come to its end."""
    wanted = _parser().parse_args(arguments)
    # So that a stop from outside cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    scale = Scale(repeats=wanted.repeats, factor=wanted.scale)
    broken = [
        name
        for name in wanted.names or NAMES
        if not _run(name, scale, seconds=wanted.seconds, as_json=wanted.json)
    ]
    return 1 if broken else 0


def _interrupt(_number: int, _frame: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one figure a line")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each")
    parser.add_argument("--scale", type=float, default=1.0, help="size of each run")
    parser.add_argument("--seconds", type=float, default=90, help="most for each NAME")
    return parser


def _run(name: str, scale: Scale, *, seconds: float, as_json: bool) -> bool:
    found: list[Figure] = []

    def report(one: Figure) -> None:
        found.append(one)
        if as_json:
            print(msgspec.json.encode(one).decode(), flush=True)

    module = importlib.import_module(f"tests.benchmarks.{name}")
    benchmark = cast("_Benchmark", module)
    in_time = anyio.run(
        _bounded,
        benchmark,
        scale,
        report,
        seconds,
        backend_options={"use_uvloop": True},
    )
    if found and not as_json:
        print(f"\n{table(found)}", flush=True)
    if not in_time:
        print(f"{name}: not done within {seconds:g} s", file=sys.stderr)
    return in_time


async def _bounded(
    benchmark: _Benchmark, scale: Scale, report: Report, seconds: float
) -> bool:
    with anyio.move_on_after(seconds):
        await benchmark.measure(scale, report)
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
