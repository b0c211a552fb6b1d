"""What the tests of the agent have in common: one job's script, and its gates."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from clients.agent import AgentSettings, run_agent
from clients.inputs import AttemptKey
from orchestrator.domain.ids import ClientId
from orchestrator.wire import Ended
from tests.fakes.nats_hub import NatsHub
from tests.fakes.transfer_server import TransferServer

# It tells who runs it, waits for the file `go`, and ends with what that says.
SCRIPT = """\
echo "$JOB_NUMBER $JOB_SERVICE $JOB_ATTEMPT $LANG" > result
echo $$ > pid
echo "$HOME $TMPDIR" > places
echo hello
touch "$GATES/up-$JOB_ID"
until [ -e "$GATES/go-$JOB_ID" ]; do sleep 0.01; done
exit $(cat "$GATES/go-$JOB_ID")
"""


@asynccontextmanager
async def serving_agent(settings: AgentSettings) -> AsyncGenerator[ClientId]:
    """Return a context with an agent that has joined, and leaves when it ends."""
    ready: list[ClientId] = []
    is_ready, stop = anyio.Event(), anyio.Event()

    def on_ready(client_id: ClientId) -> None:
        ready.append(client_id)
        is_ready.set()

    async def serve() -> None:
        await run_agent(settings, stop=stop, on_ready=on_ready)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        with anyio.fail_after(10):
            await is_ready.wait()
        try:
            yield ready[0]
        finally:
            stop.set()


async def until(is_so: Callable[[], object]) -> None:
    with anyio.fail_after(10):
        while not is_so():  # noqa: ASYNC110 - what another process does sets no event
            await anyio.sleep(0.01)


async def until_up(settings: AgentSettings, attempt: AttemptKey) -> None:
    await until((gates(settings) / f"up-{attempt[0]}").exists)


def let_go(settings: AgentSettings, attempt: AttemptKey, exit_code: int = 0) -> None:
    part = gates(settings) / "part"
    part.write_text(str(exit_code))
    part.rename(gates(settings) / f"go-{attempt[0]}")


def gates(settings: AgentSettings) -> Path:
    return Path(settings.environment["GATES"])


def workspace(settings: AgentSettings, attempt: AttemptKey) -> Path:
    return settings.directory / "work" / f"{attempt[0]}-{attempt[1]}"


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until_gone(path: Path) -> None:
    await until(lambda: not path.exists())


def ended(hub: NatsHub, attempt: AttemptKey) -> Ended:
    report = hub.rules.attempts[attempt].report
    assert isinstance(report, Ended)
    return report


def delivered(
    transfers: TransferServer, attempt: AttemptKey, report: Ended
) -> dict[str, str]:
    assert report.results is not None
    return transfers.results(*attempt, report.results.manifest_sha256)
