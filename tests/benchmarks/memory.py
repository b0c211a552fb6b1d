"""What each process weighs, with very many queued jobs."""

from tests.benchmarks.figure import Baseline, Report, figure
from tests.benchmarks.history import write_queued
from tests.benchmarks.installation import (
    SERVICE,
    Installation,
    installed,
    memory_bytes,
)
from tests.benchmarks.scale import Scale, machine

_JOBS = 100_000
_MIB = 1 << 20
_CLIENT = "client"
# It takes none of the jobs: they are to stay in the queue.
_IDLE_CLIENT = 'services = ["another"]\n'


async def measure(scale: Scale, report: Report) -> None:
    """Compare a site with an empty log and one with many queued jobs."""
    jobs = scale.of(_JOBS, least=20)
    conditions = f"{machine()}; {jobs:,} queued jobs, resident memory"
    with installed(f"{_IDLE_CLIENT}{SERVICE}") as one:
        one.start_server()
        one.start_client(_CLIENT)
        one.until_client_joined()
        empty = _weights(one)
    with installed(f"{_IDLE_CLIENT}{SERVICE}") as one:
        await write_queued(one.nats.url, jobs)
        one.start_server()
        folded = memory_bytes(one.server_pid)
        one.stop_server()
        one.start_server()
        one.start_client(_CLIENT)
        one.until_client_joined()
        full = _weights(one)
    for process, weight in full.items():
        report(
            figure(
                f"memory.{process}",
                [weight / _MIB],
                "MiB",
                baseline=Baseline("MiB, empty", [empty[process] / _MIB]),
                conditions=conditions,
            )
        )
    growth = {"after_fold": folded, "from_snapshot": full["server"]}
    for how, weight in growth.items():
        each = [(weight - empty["server"]) / jobs]
        report(figure(f"memory.job.{how}", each, "bytes/job", conditions=conditions))


def _weights(one: Installation) -> dict[str, int]:
    pids = {
        "server": one.server_pid,
        "nats-server": one.nats.pid,
        "client": one.client_pid(_CLIENT),
    }
    return {process: memory_bytes(pid) for process, pid in pids.items()}
