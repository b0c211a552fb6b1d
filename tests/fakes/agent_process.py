"""An agent as a process of its own, to be killed: `python -m tests.fakes.agent_process`."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec

from clients.agent import AgentSettings, run_agent


class AgentProcess:
    """A running agent."""

    def __init__(self, settings: AgentSettings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.agent_process"],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(settings, enc_hook=str))
        self._process.stdin.close()

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> int:
        """Stop it as an operator would; return its exit code."""
        self._process.terminate()
        return self._process.wait(20)


@contextmanager
def running(settings: AgentSettings) -> Generator[AgentProcess]:
    """Return a context with an agent that is gone afterwards."""
    agent = AgentProcess(settings)
    try:
        yield agent
    finally:
        agent.kill()


async def _main() -> None:
    settings = msgspec.json.decode(
        sys.stdin.buffer.read(), type=AgentSettings, dec_hook=lambda kind, it: kind(it)
    )
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_on_signal, stop)
        await run_agent(settings, stop=stop)
        tasks.cancel_scope.cancel()


async def _stop_on_signal(stop: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            stop.set()


if __name__ == "__main__":
    anyio.run(_main)
