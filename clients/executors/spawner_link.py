"""The agent's line to its spawner: joins the one that runs, or starts one."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import cast

import anyio
import anyio.abc
import anyio.to_thread
from anyio.streams.buffered import BufferedByteReceiveStream

from clients.executors import spawner
from clients.executors.spawner import SOCKET
from orchestrator.errors import SpawnerUnavailableError

_JOIN_SECONDS = 15.0
_JOIN_PAUSE_SECONDS = 0.02
_ASK_ATTEMPTS = 3
_REPLY_BYTES = 1 << 20
_GONE = (
    OSError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
    anyio.BrokenResourceError,
)

# `-I -S` leaves the standard library alone on the path: ours goes behind it.
_BOOT = """
import sys
sys.path.append(sys.argv[1])
from clients.executors.spawner import main
main(*sys.argv[2:])
"""


class SpawnerLink:
    """One agent's relation with the spawner of a directory."""

    def __init__(
        self,
        directory: Path,
        *,
        stop_with_agent: bool,
        idle_seconds: float,
    ) -> None:
        self._directory = directory
        self._hello: dict[str, object] = {
            "hello": {"stop_with_agent": stop_with_agent},
        }
        self._idle_seconds = idle_seconds
        self._joining = anyio.Lock()
        # A connection that says "the agent lives", for as long as it is open.
        self._presence: anyio.abc.ByteStream | None = None
        self._spawner: int | None = None  # a pidfd
        self._at: int | None = None
        self._started: list[subprocess.Popen[bytes]] = []  # ours to reap

    async def open(self) -> None:
        """Join the spawner of the directory; start one if there is none.

        Raises:
            SpawnerUnavailableError: none answers, and none can be started.
        """
        # Through a descriptor any directory is short enough for a socket's address.
        self._at = os.open(self._directory, os.O_PATH | os.O_DIRECTORY)
        await self._join()

    async def ask(self, request: dict[str, object]) -> dict[str, object]:
        """Return the spawner's answer; a spawner that has died is replaced.

        Raises:
            SpawnerUnavailableError: no spawner stays alive long enough.
        """
        for _ in range(_ASK_ATTEMPTS):
            presence = self._presence
            with suppress(*_GONE):
                async with await self._connect() as stream:
                    return await _exchange(stream, request)
            async with self._joining:
                if self._presence is presence:
                    await self._join()
        raise self._unavailable("it went away again and again")

    async def leave(self) -> None:
        """Take leave of the spawner; one that stops with its agent begins to."""
        if self._presence is not None:
            await anyio.aclose_forcefully(self._presence)
            self._presence = None

    async def spawner_ended(self) -> None:
        """Return when the spawner that was joined last is gone."""
        if self._spawner is not None:
            await anyio.wait_readable(self._spawner)
            self._reap()

    def close(self) -> None:
        """Drop what is kept of the spawner."""
        self._forget_spawner()
        for process in self._started:
            process.returncode = 0  # it may outlive us; without this, Python complains
        if self._at is not None:
            os.close(self._at)
            self._at = None

    async def _join(self) -> None:
        with anyio.move_on_after(_JOIN_SECONDS):
            while not await self._greet():
                await self._start_spawner()
                if await self._greet():
                    break
                # Another one is on its way in or out.
                await anyio.sleep(_JOIN_PAUSE_SECONDS)
            return
        raise self._unavailable(f"none answered within {_JOIN_SECONDS:.0f} s")

    async def _greet(self) -> bool:
        """Say hello on a new connection and keep that; False if nobody is there."""
        with suppress(*_GONE):
            stream = await self._connect()
            try:
                reply = await _exchange(stream, self._hello)
                pidfd = os.pidfd_open(cast("int", reply["pid"]))
            except BaseException:
                await anyio.aclose_forcefully(stream)
                raise
            if self._presence is not None:
                await anyio.aclose_forcefully(self._presence)
            self._forget_spawner()
            self._presence, self._spawner = stream, pidfd
            return True
        return False

    def _forget_spawner(self) -> None:
        if self._spawner is not None:
            os.close(self._spawner)
            self._spawner = None
        self._reap()

    def _reap(self) -> None:
        """Collect those of our spawners that have ended, so that no zombie stays."""
        self._started = [each for each in self._started if each.poll() is None]

    async def _connect(self) -> anyio.abc.ByteStream:
        return await anyio.connect_unix(f"/proc/self/fd/{self._at}/{SOCKET}")

    async def _start_spawner(self) -> None:
        """Return when a spawner serves: the one started here, or another's.

        Raises:
            SpawnerUnavailableError: it ended, and says why.
        """
        log = self._directory / "spawner.log"
        read, write = os.pipe()
        try:
            process = self._spawn(log, write)
        finally:
            os.close(write)
        self._started.append(process)
        try:
            await anyio.wait_readable(read)
            serves = os.read(read, 1)
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(read)
        if not serves and await anyio.to_thread.run_sync(process.wait) != 0:
            lines = log.read_text(errors="replace").splitlines()
            raise self._unavailable(lines[-1] if lines else "it said nothing")

    def _spawn(self, log: Path, output: int) -> subprocess.Popen[bytes]:
        with log.open("a") as errors:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=output,  # closed when it serves: whoever outlives us lets go
                stderr=errors,
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        packages = str(Path(spawner.__file__).parents[2])
        options = ["-I", "-S", "-X", "utf8", "-c", _BOOT, packages]
        return [sys.executable, *options, str(self._directory), str(self._idle_seconds)]

    def _unavailable(self, why: str) -> SpawnerUnavailableError:
        return SpawnerUnavailableError(directory=str(self._directory), why=why)


async def _exchange(
    stream: anyio.abc.ByteStream,
    request: dict[str, object],
) -> dict[str, object]:
    await stream.send(json.dumps(request).encode() + b"\n")
    line = await BufferedByteReceiveStream(stream).receive_until(b"\n", _REPLY_BYTES)
    return cast("dict[str, object]", json.loads(line))
