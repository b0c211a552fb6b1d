"""The servers of a drill as its process sees them: asked, stopped, continued."""

import os
import signal
import socket
import sys
from pathlib import Path
from subprocess import DEVNULL

import anyio
import msgspec
from anyio.abc import Process, UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from orchestrator.domain.commands import Asked
from orchestrator.errors import OrchestratorError
from orchestrator.writer.commands import Answered
from tests.integration.takeovers.talk import (
    LONGEST_LINE,
    Attempted,
    Call,
    decode_reply,
    encode_call,
)

_ROOT = Path(__file__).parents[3]


class _Waiting:
    def __init__(self) -> None:
        self.answered = anyio.Event()
        self.outcome: Answered | OrchestratorError | None = None


class Server:
    """One process with an office in it."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self._directory = directory
        self._process: Process | None = None
        self._stream: UNIXSocketStream | None = None
        self._sending = anyio.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._calls = 0

    async def start(self, url: str, replicas: int) -> None:
        """Start it; it answers once somebody leads."""
        self._directory.mkdir(parents=True)
        ours, theirs = socket.socketpair()
        module = "tests.integration.takeovers.server"
        arguments = [self.name, url, f"{replicas}", str(self._directory)]
        with theirs, (self._directory / "output").open("wb") as output:
            self._process = await anyio.open_process(
                [sys.executable, "-m", module, *arguments, f"{theirs.fileno()}"],
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                cwd=_ROOT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._stream = await UNIXSocketStream.from_socket(ours)

    async def ask(self, asked: Asked) -> Answered | OrchestratorError:
        """Return what it answers, whenever that is."""
        assert self._stream is not None
        self._calls += 1
        number, waiting = self._calls, _Waiting()
        self._waiting[number] = waiting
        async with self._sending:
            await self._stream.send(encode_call(Call(number, asked)))
        await waiting.answered.wait()
        assert waiting.outcome is not None
        return waiting.outcome

    async def listen(self) -> None:
        """Hand its answers to those who asked, until it hangs up."""
        assert self._stream is not None
        lines = BufferedByteReceiveStream(self._stream)
        while True:
            line = await lines.receive_until(b"\n", LONGEST_LINE)
            number, outcome = decode_reply(line)
            waiting = self._waiting.pop(number)
            waiting.outcome = outcome
            waiting.answered.set()

    def pause(self) -> None:
        """Stop it between two instructions, wherever it is."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on as if nothing had happened."""
        os.kill(self._pid, signal.SIGCONT)

    async def stop(self) -> None:
        """Hang up, and wait until it has left."""
        if self._process is None:
            return
        with anyio.CancelScope(shield=True):
            self.resume()
            if self._stream is not None:
                await self._stream.aclose()
            with anyio.move_on_after(10):
                await self._process.wait()
            if self._process.returncode is None:
                self._process.kill()
            await self._process.aclose()

    def attempted(self) -> list[Attempted]:
        """Return every write that it tried."""
        decoder = msgspec.json.Decoder(Attempted)
        return decoder.decode_lines((self._directory / "journal").read_bytes())

    def output(self) -> str:
        """Return the last of what it said."""
        return (self._directory / "output").read_text(errors="replace")[-4_000:]

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid
