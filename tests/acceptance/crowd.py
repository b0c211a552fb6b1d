"""A crowd around a server: who reads nothing, who sends much; does anybody else mind?

`uv run python -m tests.acceptance.crowd` prints what `/health`, submissions and memory
looked like without the crowd and within it.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx
from msgspec import Struct

from tests.acceptance import prober
from tests.acceptance.footprint import footprint_of
from tests.acceptance.prober import Latencies, latencies
from tests.acceptance.site import Site

SERVICES = """
[services.crowd]
runs_per_user = 4
max_runs = 16
"""
_RUN_SH = b"echo done\n"
_UPLOAD_SECONDS = 300
_QUIET_SECONDS = 3.0
_LOOK_SECONDS = 0.1
_CHUNK = b"\0" * (256 << 10)
_OPEN_SECONDS = 20


class Crowd(Struct, frozen=True, kw_only=True):
    """How many of each kind there are."""

    watchers: int = 500  # open a job's event stream, and never read
    uploads: int = 50  # at once
    upload_mib: int = 20


class Felt(Struct, frozen=True, kw_only=True):
    """What everybody else felt, and what the server needed."""

    quiet: Latencies  # of /health
    crowded: Latencies
    submissions: Latencies  # of small jobs, one after the other, meanwhile
    upload_seconds: float  # until all were taken
    before_mib: float
    peak_mib: float
    after_mib: float
    nats_before_mib: float
    nats_peak_mib: float


def endure(site: Site, crowd: Crowd) -> Felt:
    """Return what a site with a running server and client felt in such a crowd."""
    quiet = _probe(site, _QUIET_SECONDS)
    before = footprint_of(site.server_pid).memory_mib
    nats_before = footprint_of(site.nats.pid).memory_mib
    with ExitStack() as open_ends:
        open_ends.enter_context(deaf_follower(site.nats.url))
        job = anyio.run(_one_job, site.url)
        open_ends.enter_context(deaf_watchers(site.url, job, crowd.watchers))
        probing = open_ends.enter_context(_probing(site))
        meeting = _Meeting(site, crowd)
        anyio.run(meeting.run)
        crowded = _ended(probing)
        after = footprint_of(site.server_pid).memory_mib
    return Felt(
        quiet=quiet,
        crowded=crowded,
        submissions=latencies(meeting.submissions),
        upload_seconds=meeting.seconds,
        before_mib=before,
        peak_mib=max(meeting.memory_mib),
        after_mib=after,
        nats_before_mib=nats_before,
        nats_peak_mib=max(meeting.nats_mib),
    )


@contextmanager
def deaf_follower(url: str) -> Generator[None]:
    """Return a context with a subscriber of the whole log that reads nothing of it."""
    address = urlsplit(url)
    with socket.socket() as follower:
        # As little as possible is taken off the server's hands.
        follower.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        follower.connect((address.hostname, address.port))
        follower.recv(4096)
        follower.sendall(b'CONNECT {"verbose":false}\r\nSUB log.> 1\r\n')
        yield


@contextmanager
def deaf_watchers(url: str, job_id: str, count: int) -> Generator[None]:
    """Return a context with so many open event streams that nobody reads."""
    address = urlsplit(url)
    request = (
        f"GET /jobs/{job_id}/events HTTP/1.1\r\n"
        f"Host: {address.netloc}\r\nAccept: text/event-stream\r\n\r\n"
    ).encode()
    with ExitStack() as opened:
        watchers: list[socket.socket] = []
        for _ in range(count):
            watcher = opened.enter_context(socket.socket())
            watcher.settimeout(_OPEN_SECONDS)
            watcher.connect((address.hostname, address.port))
            watcher.sendall(request)
            watchers.append(watcher)
        for watcher in watchers:
            # It is there, and stays in the buffer.
            first = watcher.recv(12, socket.MSG_PEEK)
            assert first == b"HTTP/1.1 200", first
        yield


class _Meeting:
    """The uploads, all at once, and the small submissions that go on meanwhile."""

    def __init__(self, site: Site, crowd: Crowd) -> None:
        self.submissions: list[float] = []
        self.memory_mib: list[float] = []
        self.nats_mib: list[float] = []
        self.seconds = 0.0
        self._over = False
        self._site, self._crowd = site, crowd

    async def run(self) -> None:
        begun = time.monotonic()
        async with anyio.create_task_group() as others:
            others.start_soon(self._submit)
            others.start_soon(self._look)
            async with anyio.create_task_group() as uploads:
                for _ in range(self._crowd.uploads):
                    uploads.start_soon(self._upload)
            self.seconds = time.monotonic() - begun
            self._over = True

    async def _submit(self) -> None:
        async with httpx.AsyncClient(
            base_url=self._site.url, trust_env=False, timeout=30
        ) as http:
            while not self._over:
                begun = time.monotonic()
                await _submit(http)
                self.submissions.append(time.monotonic() - begun)

    async def _look(self) -> None:
        while not self._over:
            server, nats = self._site.server_pid, self._site.nats.pid
            self.memory_mib.append(footprint_of(server).memory_mib)
            self.nats_mib.append(footprint_of(nats).memory_mib)
            await anyio.sleep(_LOOK_SECONDS)

    async def _upload(self) -> None:
        size = self._crowd.upload_mib << 20
        head, tail = _form_around_a_file()
        async with httpx.AsyncClient(
            base_url=self._site.url, trust_env=False, timeout=_UPLOAD_SECONDS
        ) as http:
            answer = await http.post(
                "/jobs",
                content=_pieces(head, size, tail),
                headers={
                    "Content-Type": "multipart/form-data; boundary=crowd",
                    "Content-Length": str(len(head) + size + len(tail)),
                },
            )
        assert answer.status_code == httpx.codes.CREATED, answer.text


def _form_around_a_file() -> tuple[bytes, bytes]:
    """Return what stands before and after the content of a large file."""
    part = '--crowd\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}'
    job, script = json.dumps({"service": "crowd", "user": "big"}), _RUN_SH.decode()
    parts = [
        part.format("job", "", job),
        part.format("run.sh", '; filename="run.sh"', script),
        part.format("data", '; filename="data"', ""),
    ]
    return "\r\n".join(parts).encode(), b"\r\n--crowd--\r\n"


async def _pieces(head: bytes, size: int, tail: bytes) -> AsyncIterator[bytes]:
    yield head
    for _ in range(size // len(_CHUNK)):
        yield _CHUNK
    yield tail


async def _submit(http: httpx.AsyncClient) -> str:
    job = json.dumps({"service": "crowd", "user": "small"})
    files = {"run.sh": ("run.sh", _RUN_SH)}
    answer = await http.post("/jobs", data={"job": job}, files=files)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["job_id"])


async def _one_job(url: str) -> str:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        return await _submit(http)


@contextmanager
def _probing(site: Site) -> Generator[subprocess.Popen[str]]:
    """Return a context with a process of its own that asks for /health all the time."""
    command = [sys.executable, "-m", prober.__name__, f"{site.url}/health"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _ended(probing: subprocess.Popen[str]) -> Latencies:
    output, _ = probing.communicate()  # closes its input, which ends it
    return latencies(json.loads(output))


def _probe(site: Site, seconds: float) -> Latencies:
    with _probing(site) as probing:
        time.sleep(seconds)  # how long is what it measures over
        return _ended(probing)


def main() -> None:
    """Print what a site of its own felt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", type=int, default=500)
    parser.add_argument("--uploads", type=int, default=50)
    parser.add_argument("--mib", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crowd-") as directory:
        site = Site(Path(directory), SERVICES)
        try:
            site.start_server()
            site.start_client("only", slots=2)
            crowd = Crowd(
                watchers=options.watchers,
                uploads=options.uploads,
                upload_mib=options.mib,
            )
            felt = endure(site, crowd)
        finally:
            site.stop()
    for name in Felt.__struct_fields__:
        sys.stdout.write(f"{name:16} {getattr(felt, name)}\n")


if __name__ == "__main__":
    main()
