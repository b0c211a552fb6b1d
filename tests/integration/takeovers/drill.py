"""Takeovers under load, as many as wanted: the leader is stopped, overtaken, continued.

`uv run python -m tests.integration.takeovers.drill --takeovers 100 --replicas 3` runs
the full number on a cluster of its own and prints what the witness found.
"""

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
from msgspec import Struct

from orchestrator.event_log.jetstream import open_jetstream
from tests.integration.takeovers.load import Load
from tests.integration.takeovers.party import Server
from tests.integration.takeovers.witness import Verdict, judge
from tests.nats_cluster import NatsCluster
from tests.nats_server import NatsServer

_SERVERS = 3
_PER_SECOND = 60.0
_PATIENCE_SECONDS = 40


class Drilled(Struct, frozen=True, kw_only=True):
    """How it went."""

    verdict: Verdict
    takeovers: int  # a leader that was stopped was overtaken, and continued
    spared: int  # it was continued before anybody stood
    seconds_to_overtake: tuple[float, ...]


async def drill(
    url: str, directory: Path, *, replicas: int, takeovers: int, seed: int = 1
) -> Drilled:
    """Return what a number of takeovers under load has done to the log."""
    async with (
        open_jetstream(url, replicas=replicas) as log,
        _servers(url, replicas, directory) as servers,
    ):
        load = Load(log, servers, seed)
        trouble = _Trouble(load, servers, seed)
        async with anyio.create_task_group() as tasks:
            for server in servers:
                tasks.start_soon(server.listen)
            tasks.start_soon(load.follow, tasks)
            tasks.start_soon(load.press, tasks, _PER_SECOND)
            await trouble.make(takeovers)
            await _settle(load)
            tasks.cancel_scope.cancel()
    attempted = {server.name: server.attempted() for server in servers}
    return Drilled(
        verdict=judge(load.entries, load.answers, attempted),
        takeovers=len(trouble.seconds_to_overtake),
        spared=trouble.spared,
        seconds_to_overtake=tuple(trouble.seconds_to_overtake),
    )


@contextlib.asynccontextmanager
async def _servers(
    url: str, replicas: int, directory: Path
) -> AsyncGenerator[list[Server]]:
    servers = [
        Server(f"server-{number}", directory / f"server-{number}")
        for number in range(1, _SERVERS + 1)
    ]
    try:
        for server in servers:
            await server.start(url, replicas)
        yield servers
    except BaseException:
        for server in servers:
            sys.stderr.write(f"--- {server.name}\n{server.output()}\n")
        raise
    finally:
        for server in servers:
            await server.stop()


async def _settle(load: Load) -> None:
    """Return when every question is answered and every job has ended."""
    load.quiet = True
    with load.patience(_PATIENCE_SECONDS, "the end of everything"):
        while load.unanswered or load.seen.live:  # noqa: ASYNC110 - a condition over several processes
            await anyio.sleep(0.05)


class _Trouble:
    """Stops whoever leads, in the middle of its writes, again and again."""

    def __init__(self, load: Load, servers: list[Server], seed: int) -> None:
        self._load = load
        self._by_name = {server.name: server for server in servers}
        self._random = random.Random(seed)  # noqa: S311 - for a drill that can be repeated
        self.seconds_to_overtake: list[float] = []
        self.spared = 0

    async def make(self, takeovers: int) -> None:
        while len(self.seconds_to_overtake) < takeovers:
            leader = await self._somebody_who_leads()
            await self._let_it_work()
            if self._load.seen.leader == leader.name:
                await self._overtake(leader)

    async def _somebody_who_leads(self) -> Server:
        with self._load.patience(_PATIENCE_SECONDS, "work"):
            while not self._load.seen.term or not self._load.seen.live:
                await self._load.moved.wait()
        return self._by_name[self._load.seen.leader]

    async def _let_it_work(self) -> None:
        """Return in the middle of its writes, wherever that is."""
        with self._load.patience(_PATIENCE_SECONDS, "events after an election"):
            while self._load.seen.position < self._load.seen.term + 3:
                await self._load.moved.wait()
        await anyio.sleep(self._random.uniform(0, 0.3))

    async def _overtake(self, leader: Server) -> None:
        term, stopped_at = self._load.seen.term, time.monotonic()
        leader.pause()
        try:
            if self._random.random() < 0.3:
                # Continued about when somebody stands, perhaps just before.
                await anyio.sleep(self._random.uniform(0.4, 1.2))
            else:
                await self._await_election(term)
                await anyio.sleep(self._random.uniform(0, 0.3))
        finally:
            leader.resume()
        if self._load.seen.term == term:
            self.spared += 1
        else:
            self.seconds_to_overtake.append(time.monotonic() - stopped_at)

    async def _await_election(self, term: int) -> None:
        with self._load.patience(_PATIENCE_SECONDS, f"an election after {term}"):
            while self._load.seen.term == term:
                await self._load.elected.wait()


def report(drilled: Drilled) -> str:
    """Return what happened, for a person."""
    verdict, seconds = drilled.verdict, sorted(drilled.seconds_to_overtake)
    return "\n".join(
        [
            f"takeovers {drilled.takeovers}, spared {drilled.spared}",
            f"stop to overtaken p50 {statistics.median(seconds):.2f} s",
            f"longest {seconds[-1]:.2f} s",
            *(
                f"{name}: {getattr(verdict, name)}"
                for name in verdict.__struct_fields__[1:]
            ),
            f"violations: {len(verdict.violations)}",
            *verdict.violations[:20],
        ]
    )


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takeovers", type=int, default=100)
    parser.add_argument("--replicas", type=int, choices=(1, 3), default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        nats = NatsCluster if arguments.replicas == 3 else NatsServer
        server = nats(directory / "nats")
        server.start()
        try:
            drilled = anyio.run(_drill, server.url, directory, arguments)
        finally:
            server.stop()
    sys.stdout.write(report(drilled) + "\n")
    return 1 if drilled.verdict.violations else 0


async def _drill(url: str, directory: Path, arguments: argparse.Namespace) -> Drilled:
    return await drill(
        url,
        directory,
        replicas=arguments.replicas,
        takeovers=arguments.takeovers,
        seed=arguments.seed,
    )


if __name__ == "__main__":
    sys.exit(_main())
