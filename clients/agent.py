"""The agent: takes assignments, runs them, and says how they ended."""

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

import anyio
import anyio.to_thread
import msgspec
import structlog
from anyio.abc import TaskGroup

from clients.activities import Activities
from clients.agent_settings import AgentSettings
from clients.executors.discovery import find_executor
from clients.executors.executor import Executor
from clients.identity import hold_directory
from clients.inputs import (
    Answered,
    Beaten,
    Begin,
    Closing,
    Input,
    JoinAnswered,
    Reconnected,
    Replied,
    Tick,
    Written,
    key_of,
)
from clients.machine import ClientMachine
from clients.nats_link import NatsLink, open_link
from clients.outbox_files import OutboxFiles
from clients.outputs import (
    Abort,
    Ask,
    AskToJoin,
    Entry,
    Erase,
    GiveUp,
    Output,
    Ready,
    Send,
    Stop,
    Wait,
    Write,
)
from clients.transfers import open_transfers
from clients.workspace import Workspaces
from orchestrator.clock import new_id
from orchestrator.domain.ids import ClientId, Incarnation, JobId
from orchestrator.errors import JoinRefusedError, OrchestratorError
from orchestrator.wire import PROTOCOL, Accepted, Answer, Join, Leave, Refused, Report

__all__ = ["AgentSettings", "run_agent"]

logger = structlog.stdlib.get_logger()

_FLUSH_SECONDS = 3.0
_GOODBYE_SECONDS = 2.0
_to_thread = anyio.to_thread.run_sync


async def run_agent(
    settings: AgentSettings,
    *,
    stop: anyio.Event,
    on_ready: Callable[[ClientId], None] | None = None,
) -> None:
    """Serve as a client until `stop` is set; call `on_ready` once the hub took it in.

    On the way out what is in the outbox is sent, for a bounded time. Running jobs go
    on in the care of their executor, to be adopted by the next agent; with
    `stop_with_jobs` they are stopped, and the hub is told goodbye.

    Raises:
        ClientDirectoryHeldError: another agent runs on the state directory.
        ClientDirectoryError: the state directory is no use.
        UnknownExecutorError: no executor has this name.
        LogUnreachableError: no NATS server answers at the start.
        LogAccessError: the NATS server refuses this user or password.
        JoinRefusedError: the hub refuses this client, and says why.
        UndecodableEventError: an assignment cannot be read by this version.
    """
    # Jobs are told absolute paths, and have another working directory.
    absolute = settings.directory.absolute()
    settings = msgspec.structs.replace(settings, directory=absolute)
    try:
        with hold_directory(absolute) as client_id:
            await _run(settings, _join(settings, client_id), stop, on_ready)
    except BaseExceptionGroup as group:
        ours = _only_ours(group)
        if ours is None:
            raise
        raise ours from None


def _join(settings: AgentSettings, client_id: ClientId) -> Join:
    return Join(
        client_id=client_id,
        incarnation=Incarnation(new_id()),
        name=settings.name,
        version=version("job-orchestrator"),
        protocol=PROTOCOL,
        slots=settings.slots,
        services=settings.services,
    )


async def _run(
    settings: AgentSettings,
    join: Join,
    stop: anyio.Event,
    on_ready: Callable[[ClientId], None] | None,
) -> None:
    async with (
        open_link(
            settings.nats_url,
            join.client_id,
            user=settings.nats_user,
            password=settings.nats_password,
        ) as link,
        open_transfers(settings.server_url) as transfers,
    ):
        async with _open_executor(settings) as executor:
            workspaces = Workspaces(settings.directory / "work")
            activities = Activities(settings, executor, transfers, workspaces)
            files = OutboxFiles(settings.directory / "outbox")
            pending = await _to_thread(files.load)
            held = [(JobId(job), attempt) for job, attempt in await executor.held()]
            keep = [*held, *(key_of(entry.report) for entry in pending)]
            await _to_thread(workspaces.remove_orphans, keep)
            machine = ClientMachine(join, pending=pending)
            agent = _Agent(machine, link, activities, files, on_ready)
            agent.say(Begin(held=tuple(held)))
            await agent.serve(stop, heartbeat_seconds=settings.heartbeat_seconds)
        if settings.stop_with_jobs and machine.is_joined:
            leave = Leave(client_id=join.client_id, incarnation=join.incarnation)
            await link.ask(leave, within_seconds=_GOODBYE_SECONDS)


def _open_executor(settings: AgentSettings) -> AbstractAsyncContextManager[Executor]:
    directory = settings.directory / "executor"
    factory = find_executor(settings.executor)
    return factory(directory, stop_with_agent=settings.stop_with_jobs)


class _Agent:
    """Tells the machine what happened, and does what it wants."""

    def __init__(
        self,
        machine: ClientMachine,
        link: NatsLink,
        activities: Activities,
        files: OutboxFiles,
        on_ready: Callable[[ClientId], None] | None,
    ) -> None:
        self._machine = machine
        self._link = link
        self._activities = activities
        self._files = files
        self._on_ready = on_ready
        self._joined = anyio.Event()
        self._changed = anyio.Event()
        self._said, self._heard = anyio.create_memory_object_stream[Input](float("inf"))

    def say(self, signal: Input) -> None:
        """Let the machine know."""
        self._said.send_nowait(signal)

    async def serve(self, stop: anyio.Event, *, heartbeat_seconds: float) -> None:
        """Serve until told to stop, and then until nothing is half-said."""
        with self._said, self._heard, self._link.on_reconnect(self._reconnected):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._link.watch)
                tasks.start_soon(self._listen)
                tasks.start_soon(self._beat, heartbeat_seconds)
                tasks.start_soon(self._decide, tasks)
                await stop.wait()
                self.say(Closing())
                with anyio.move_on_after(_FLUSH_SECONDS):
                    await self._until_it_may_exit()
                tasks.cancel_scope.cancel()

    def _reconnected(self) -> None:
        self.say(Reconnected())

    async def _listen(self) -> None:
        async for delivered in self._link.deliveries():
            self.say(delivered)

    async def _beat(self, every_seconds: float) -> None:
        await self._joined.wait()
        while True:
            begun = anyio.current_time()
            heartbeat = self._machine.heartbeat(load=os.getloadavg()[0])
            self.say(Beaten(answer=await self._link.beat(heartbeat)))
            await anyio.sleep_until(begun + every_seconds)

    async def _until_it_may_exit(self) -> None:
        await self._changed.wait()  # it has heard `Closing` by then
        while not self._machine.may_exit:
            await self._changed.wait()

    async def _decide(self, tasks: TaskGroup) -> None:
        while True:
            signal = await self._next()
            for output in self._machine.step(signal, anyio.current_time()):
                self._do(output, tasks)
            # Swap before setting, so that whoever wakes up waits for the next step.
            changed, self._changed = self._changed, anyio.Event()
            changed.set()

    async def _next(self) -> Input:
        due = self._machine.due
        with anyio.CancelScope(deadline=float("inf") if due is None else due):
            return await self._heard.receive()
        return Tick()

    def _do(self, output: Output, tasks: TaskGroup) -> None:
        match output:
            case AskToJoin() | Ask():
                tasks.start_soon(self._ask, output)
            case Stop():
                tasks.start_soon(self._activities.stop, output.key)
            case Abort():
                self._activities.abort(output.key)
            case Write():
                tasks.start_soon(self._write, output.entry)
            case Send():
                tasks.start_soon(self._send, output.entry)
            case Erase():
                tasks.start_soon(_to_thread, self._files.erase, output.number)
            case Ready():
                self._ready(output.client_id)
            case Wait():
                logger.warning("agent.waiting_for_server", why=output.why)
            case GiveUp():
                raise JoinRefusedError(code=output.code, message=output.message)
            case _:
                self._activities.begin(output, tasks, self.say)

    def _ready(self, client_id: ClientId) -> None:
        logger.info("agent.joined", client_id=client_id)
        self._joined.set()
        if self._on_ready is not None:
            self._on_ready(client_id)

    async def _ask(self, wanted: AskToJoin | Ask) -> None:
        answer = await self._link.ask(wanted.report)
        _log_refusal(wanted.report, answer)
        if isinstance(wanted, Ask):
            self.say(Answered(report=wanted.report, answer=answer))
        else:
            self.say(JoinAnswered(report=wanted.report, answer=answer))

    async def _write(self, entry: Entry) -> None:
        try:
            await _to_thread(self._files.write, entry)
        except OSError as error:
            logger.warning("outbox.trouble", why=str(error))
            self.say(Written(number=entry.number, ok=False))
        else:
            self.say(Written(number=entry.number, ok=True))

    async def _send(self, entry: Entry) -> None:
        answer = await self._link.ask(entry.report)
        _log_refusal(entry.report, answer)
        if isinstance(answer, Accepted):
            job_id, attempt = key_of(entry.report)
            what = type(entry.report).__name__.lower()
            logger.info("attempt.reported", what=what, job_id=job_id, attempt=attempt)
        self.say(Replied(number=entry.number, answer=answer))


def _log_refusal(report: Report, answer: Answer | None) -> None:
    if isinstance(answer, Refused):
        facts = msgspec.to_builtins(report)
        logger.info("report.refused", code=answer.code, why=answer.message, **facts)


def _only_ours(group: BaseExceptionGroup[BaseException]) -> OrchestratorError | None:
    ours, others = group.split(OrchestratorError)
    while ours is not None and others is None:
        first = ours.exceptions[0]
        if isinstance(first, OrchestratorError):
            return first
        ours = first
    return None
