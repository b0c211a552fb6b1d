"""Many jobs in one go: what grows meanwhile, what is left, and is the log the state?

`uv run python -m tests.acceptance.soak --jobs 20000` prints a line every thousand
jobs, and at the end what broke its bounds; with --json each line is an object.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx
import msgspec
import nats
from msgspec import Struct
from nats.aio.msg import Msg

from orchestrator.writer import snapshot
from orchestrator.writer.state import WriterState
from tests.acceptance.footprint import Footprint, children_of, footprint_of
from tests.acceptance.limits import Log, endings
from tests.acceptance.site import Site

SERVICES = """
[services.soak]
runs_per_user = 4
max_runs = 16
"""
CLIENTS = ("first", "second")
SLOTS = 4
_USERS = 10
_SUBMITTERS = 8
_MOST_WAITING = 400  # jobs that wait or run: the rest is still to be submitted
_RUN_SH = b"echo done\n"
_STALL_SECONDS = 60
_WAIT_SECONDS = 30
# Noise of allocator, caches and whatever is under way when we look.
_MEMORY_ROOM_MIB = 32
_DESCRIPTORS_ROOM = 32


class Sample(Struct, frozen=True, kw_only=True):
    """The site after so many jobs have ended."""

    ended: int
    seconds: float
    processes: dict[str, Footprint]
    read_model_mib: float


class Soaked(Struct, frozen=True, kw_only=True):
    """What a soak has shown."""

    samples: list[Sample]
    left: dict[str, list[str]]  # by directory: what should be gone
    endings: Counter[str]
    submitted: list[str]
    digests: dict[int, tuple[str, str]]  # by position: the server's, and the log's


def soak(
    site: Site,
    jobs: int,
    every: int,
    tell: Callable[[Sample], None] = lambda _sample: None,
) -> Soaked:
    """Run so many jobs through a site whose server runs; stops everything of it."""
    for client in CLIENTS:
        site.start_client(client, slots=SLOTS)
    run = _Run(site, jobs, every, tell)
    anyio.run(run.run)
    left = _left(site)
    site.stop_clients()
    site.stop_server()
    log = site.log()
    return Soaked(
        samples=run.samples,
        left=left,
        endings=endings(log),
        submitted=run.submitted,
        digests=digests(site, log),
    )


class _Run:
    """One go: submits as room becomes, and looks at the site now and then."""

    def __init__(
        self, site: Site, jobs: int, every: int, tell: Callable[[Sample], None]
    ) -> None:
        self.samples: list[Sample] = []
        self.submitted: list[str] = []
        self._site, self._jobs, self._every, self._tell = site, jobs, every, tell
        self._ended = 0
        self._begun = 0
        self._moved = anyio.Event()
        self._start = time.monotonic()

    async def run(self) -> None:
        client = await nats.connect(self._site.nats.url)
        await client.subscribe("log.jobs.>", cb=self._see)
        await client.flush()
        try:
            async with (
                httpx.AsyncClient(
                    base_url=self._site.url, trust_env=False, timeout=30
                ) as http,
                anyio.create_task_group() as tasks,
            ):
                for _ in range(_SUBMITTERS):
                    tasks.start_soon(self._submit, http)
                for mark in range(self._every, self._jobs + 1, self._every):
                    await self._until(mark)
                    await self._sample(mark)
        finally:
            await client.close()

    async def _see(self, message: Msg) -> None:
        kind = json.loads(message.data)["event"]["type"]
        if kind in {"job.completed", "job.failed", "job.cancelled"}:
            self._ended += 1
            moved, self._moved = self._moved, anyio.Event()
            moved.set()

    async def _submit(self, http: httpx.AsyncClient) -> None:
        while self._begun < self._jobs:
            number = self._begun
            self._begun += 1
            await self._until(number - _MOST_WAITING)
            job = json.dumps({"service": "soak", "user": f"user-{number % _USERS}"})
            files = {"run.sh": ("run.sh", _RUN_SH)}
            answer = await http.post("/jobs", data={"job": job}, files=files)
            assert answer.status_code == httpx.codes.CREATED, answer.text
            self.submitted.append(answer.json()["job_id"])

    async def _until(self, ended: int) -> None:
        while self._ended < ended:
            before = self._ended
            with anyio.move_on_after(_STALL_SECONDS):
                await self._moved.wait()
            assert self._ended > before, f"nothing ended for {_STALL_SECONDS} s"

    async def _sample(self, ended: int) -> None:
        site = self._site
        clients = {name: site.client_pid(name) for name in CLIENTS}
        spawners = [pid for client in clients.values() for pid in children_of(client)]
        pids = {"server": [site.server_pid], "nats": [site.nats.pid]}
        pids |= {name: [pid] for name, pid in clients.items()}
        pids |= {"spawners": spawners}
        sample = Sample(
            ended=ended,
            seconds=time.monotonic() - self._start,
            processes={name: footprint_of(*pids[name]) for name in pids},
            read_model_mib=_size(site.data, "*.duckdb*") / (1 << 20),
        )
        self.samples.append(sample)
        self._tell(sample)


def _size(directory: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in directory.glob(pattern))


def broken_bounds(soaked: Soaked, *, settled_after: int) -> list[str]:
    """Return what grew, stayed behind, or does not agree; nothing if all is well."""
    first, *_, last = (each for each in soaked.samples if each.ended >= settled_after)
    broken = [
        f"{name}: {before.memory_mib:.1f} MiB became {after.memory_mib:.1f}"
        for name, before, after in _both(first, last)
        if after.memory_mib > before.memory_mib + _MEMORY_ROOM_MIB
    ]
    broken += [
        f"{name}: {before.descriptors} descriptors became {after.descriptors}"
        for name, before, after in _both(first, last)
        if after.descriptors > before.descriptors + _DESCRIPTORS_ROOM
    ]
    broken += [
        f"{name}: {held.zombies} zombies"
        for name, held in last.processes.items()
        if held.zombies
    ]
    broken += [f"{place}: {left[:9]}" for place, left in soaked.left.items() if left]
    if soaked.endings != Counter(soaked.submitted):
        broken.append("not every job has ended once")
    broken += [
        f"state at {position}: the server has {said}, the log {folded}"
        for position, (said, folded) in soaked.digests.items()
        if said != folded
    ]
    return broken if soaked.digests else [*broken, "the server told no digest"]


def _both(first: Sample, last: Sample) -> Iterator[tuple[str, Footprint, Footprint]]:
    for name, before in first.processes.items():
        yield name, before, last.processes[name]


def _left(site: Site) -> dict[str, list[str]]:
    """Return what lies where nothing should be once all jobs have ended."""
    places = [site.data / "files" / "stage"]
    for client in CLIENTS:
        directory = site.directory / client
        places += [
            directory / "work",
            directory / "outbox",
            directory / "executor" / "control",
        ]
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        left = {
            str(place.relative_to(site.directory)): _files(place) for place in places
        }
        if not any(left.values()) or time.monotonic() > deadline:
            return left
        time.sleep(0.05)  # the last reports are on their way


def _files(directory: Path) -> list[str]:
    found = directory.rglob("*")
    # The stage has one directory for each open store.
    return [path.name for path in found if directory.name != "stage" or path.is_file()]


def digests(site: Site, log: Log) -> dict[int, tuple[str, str]]:
    """Return what the server said its state was, and what the log says it was."""
    said = dict(_snapshots_said((site.directory / "server.log").read_text()))
    state, found = WriterState(), dict[int, tuple[str, str]]()
    for position, recorded in log:
        state.fold(position, recorded)
        if position in said:
            folded = hashlib.sha256(snapshot.take(state)).hexdigest()
            found[position] = (said[position], folded)
    return found


def _snapshots_said(lines: str) -> Iterator[tuple[int, str]]:
    for line in lines.splitlines():
        if "snapshot.taken" in line:
            facts = json.loads(line)
            yield facts["position"], facts["sha256"]


def main() -> int:
    """Soak a site of its own; return how many bounds it broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--every", type=int, default=1_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tell = _tell_json if options.json else _tell
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        site = Site(Path(directory), SERVICES)
        try:
            site.start_server()
            soaked = soak(site, options.jobs, options.every, tell)
        finally:
            site.stop()
    broken = broken_bounds(soaked, settled_after=options.jobs // 4)
    for each in broken:
        _say(f"broken: {each}")
    return len(broken)


def _tell_json(sample: Sample) -> None:
    _say(msgspec.json.encode(sample).decode())


def _tell(sample: Sample) -> None:
    shown = "  ".join(
        f"{name} {held.memory_mib:.0f} MiB/{held.descriptors} fd/{held.children} ch"
        for name, held in sample.processes.items()
    )
    rate = sample.ended / sample.seconds
    size = f"read model {sample.read_model_mib:.1f} MiB"
    _say(f"{sample.ended:6} jobs  {rate:4.0f}/s  {shown}  {size}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
