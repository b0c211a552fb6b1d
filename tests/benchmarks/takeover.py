"""How long submissions pause when the leader is killed, or frozen and let go on."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from tests.acceptance.pair import Pair, Server
from tests.benchmarks.figure import Baseline, Report, figure, percentile
from tests.benchmarks.http_load import NotTakenError, job_form, open_load
from tests.benchmarks.installation import stop_spawners
from tests.benchmarks.scale import Scale, machine

_CONNECTIONS = 4
_BEFORE_SECONDS = 1.0
_AFTER_SECONDS = 1.0
_MOST_SECONDS = 30.0
_PAUSE_SECONDS = 0.05
_FORM = job_form("echo done\n", service="echo")


class _Duel(Pair):
    """Two servers that lead by turns."""

    def leader_and_standby(self) -> tuple[Server, Server]:
        if self.first.ready().get("role") == "leading":
            return self.first, self.second
        return self.second, self.first

    def restart(self, killed: Server) -> None:
        """Start a killed server again; it stands by."""
        name = "first" if killed is self.first else "second"
        port = int(killed.url.rpartition(":")[2])
        self._start_server(name, port).until("standing_by")


class _Load:
    """When submissions were acknowledged, and how long each took."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.took: list[float] = []

    async def submit(self, url: str) -> None:
        """Submit one after the other to a server, whatever becomes of the leader."""
        while True:
            with suppress(NotTakenError, anyio.EndOfStream, OSError):
                async with open_load(url) as connection:
                    while True:
                        began = time.monotonic()
                        await connection.submit(_FORM)
                        self.at.append(time.monotonic())
                        self.took.append(self.at[-1] - began)
            await anyio.sleep(_PAUSE_SECONDS)


async def measure(scale: Scale, report: Report) -> None:
    """Submit to the standby while the leader is killed, and while it is frozen."""
    killed: list[float] = []
    frozen: list[float] = []
    usual: list[float] = []
    with TemporaryDirectory(prefix="benchmark-") as directory:
        duel = _Duel(Path(directory))
        try:
            duel.start()
            for _ in range(scale.repeats):
                killed.append(await _kill(duel, usual))
                frozen.append(await _freeze(duel, usual))
        finally:
            duel.stop()
            stop_spawners(duel.directory)
    conditions = (
        f"{machine()}; two servers, {_CONNECTIONS} connections to the standby; the "
        "longest time without an acknowledged submission"
    )
    baseline = Baseline("s, a submission as usual", usual)
    for how, pauses in (("kill", killed), ("freeze", frozen)):
        name = f"takeover.pause.{how}"
        report(figure(name, pauses, "s", baseline=baseline, conditions=conditions))


async def _kill(duel: _Duel, usual: list[float]) -> float:
    leader, standby = duel.leader_and_standby()
    async with _loaded(standby) as load:
        leader.kill()
        pause = await _pause_after(load, time.monotonic())
    usual.append(percentile(load.took, 50))
    duel.restart(leader)
    return pause


async def _freeze(duel: _Duel, usual: list[float]) -> float:
    leader, standby = duel.leader_and_standby()
    async with _loaded(standby) as load:
        leader.pause()
        try:
            pause = await _pause_after(load, time.monotonic())
        finally:
            leader.resume()
    usual.append(percentile(load.took, 50))
    leader.until("standing_by")
    return pause


@asynccontextmanager
async def _loaded(standby: Server) -> AsyncGenerator[_Load]:
    load = _Load()
    async with anyio.create_task_group() as tasks:
        for _ in range(_CONNECTIONS):
            tasks.start_soon(load.submit, standby.url)
        await anyio.sleep(_BEFORE_SECONDS)
        yield load
        tasks.cancel_scope.cancel()


async def _pause_after(load: _Load, moment: float) -> float:
    """Return the longest pause around a moment, once submissions have gone on."""
    with anyio.fail_after(_MOST_SECONDS):
        while not load.at or load.at[-1] < moment + _AFTER_SECONDS:  # noqa: ASYNC110 - it is no event
            await anyio.sleep(_PAUSE_SECONDS)
    return max(after - before for before, after in pairwise(load.at))
