"""What an attempt needs done in the world, one thing at a time for each attempt."""

from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup
from msgspec import Struct

from clients.agent_settings import AgentSettings
from clients.backoff import backoff_seconds
from clients.executors.executor import Executor, Launch
from clients.inputs import (
    AttemptKey,
    Collected,
    Failed,
    Input,
    InputsReady,
    ProcessEnded,
    ProcessStarted,
    Removed,
    ResultsDelivered,
    SpawnFailed,
)
from clients.outputs import (
    Activity,
    Collect,
    Deliver,
    Download,
    Remove,
    Run,
    Watch,
)
from clients.transfers import Transfers
from clients.workspace import Workspace, Workspaces
from orchestrator.errors import (
    BundleBrokenError,
    BundleUnsafeError,
    ExecutorError,
    SpawnFailedError,
    TransferFailedError,
)
from orchestrator.wire import Fetched

logger = structlog.stdlib.get_logger()

_to_thread = anyio.to_thread.run_sync


class _Lane(Struct):
    scope: anyio.CancelScope
    done: anyio.Event


class Activities:
    """Carries out what the machine wants done, and tells it how that went."""

    def __init__(
        self,
        settings: AgentSettings,
        executor: Executor,
        transfers: Transfers,
        workspaces: Workspaces,
    ) -> None:
        self._settings = settings
        self._executor = executor
        self._transfers = transfers
        self._workspaces = workspaces
        self._lanes: dict[AttemptKey, _Lane] = {}

    def begin(
        self, activity: Activity, tasks: TaskGroup, say: Callable[[Input], None]
    ) -> None:
        """Do this once what went before for the same attempt is over."""
        before = self._lanes.get(activity.key)
        lane = _Lane(scope=anyio.CancelScope(), done=anyio.Event())
        self._lanes[activity.key] = lane
        tasks.start_soon(self._run, activity, before, lane, say)

    def abort(self, key: AttemptKey) -> None:
        """Leave off what is under way for an attempt."""
        if lane := self._lanes.get(key):
            lane.scope.cancel()

    async def stop(self, key: AttemptKey) -> None:
        """Have an attempt's process stopped, however often that has to be asked."""
        tries = 0
        while True:
            try:
                await self._executor.stop(*key)
            except (OSError, ExecutorError) as error:
                tries += 1
                _log_trouble("stop", key, error)
                await anyio.sleep(backoff_seconds(tries))
            else:
                return

    async def _run(
        self,
        activity: Activity,
        before: _Lane | None,
        lane: _Lane,
        say: Callable[[Input], None],
    ) -> None:
        try:
            if before is not None:
                await before.done.wait()
            with lane.scope:
                say(await self._outcome(activity))
        finally:
            lane.done.set()
            if self._lanes.get(activity.key) is lane:
                del self._lanes[activity.key]

    async def _outcome(self, activity: Activity) -> Input:
        key = activity.key
        try:
            return await self._do(activity)
        except SpawnFailedError as error:
            _log_trouble("start", key, error)
            return SpawnFailed(key=key)
        except (BundleUnsafeError, BundleBrokenError) as error:
            _log_trouble("unpack", key, error)
            return Failed(key=key, problem="gone")
        except TransferFailedError as error:
            _log_trouble("transfer", key, error)
            return Failed(key=key, problem=error.problem)
        except (OSError, ExecutorError) as error:
            _log_trouble(type(activity).__name__.lower(), key, error)
            return Failed(key=key, problem="trouble")

    def _do(self, activity: Activity) -> Awaitable[Input]:
        match activity:
            case Download():
                return self._download(activity)
            case Run():
                return self._start(activity)
            case Watch():
                return self._watch(activity.key)
            case Collect():
                return self._collect(activity)
            case Deliver():
                return self._deliver(activity)
            case Remove():
                return self._remove(activity.key)

    async def _download(self, wanted: Download) -> Input:
        workspace = self._workspaces.of(wanted.key)
        await self._transfers.download(wanted.key, wanted.fetched, workspace)
        return InputsReady(key=wanted.key)

    async def _start(self, wanted: Run) -> Input:
        workspace = self._workspaces.of(wanted.key)
        job_id, attempt = wanted.key
        await self._executor.start(
            Launch(
                job_id=job_id,
                attempt=attempt,
                directory=workspace.job,
                environment=job_environment(
                    self._settings, wanted.key, wanted.fetched, workspace
                ),
                stdout=workspace.stdout,
                stderr=workspace.stderr,
            )
        )
        logger.info("attempt.started", job_id=job_id, attempt=attempt)
        return ProcessStarted(key=wanted.key)

    async def _watch(self, key: AttemptKey) -> Input:
        outcome = await self._executor.wait(*key)
        logger.info(
            "attempt.ended",
            job_id=key[0],
            attempt=key[1],
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            failure=outcome.failure,
            stopped=outcome.stopped,
        )
        return ProcessEnded(key=key, outcome=outcome)

    async def _collect(self, wanted: Collect) -> Input:
        workspace = self._workspaces.of(wanted.key)
        results = await _to_thread(lambda: workspace.collect(afresh=wanted.afresh))
        return Collected(key=wanted.key, results=results)

    async def _deliver(self, wanted: Deliver) -> Input:
        workspace = self._workspaces.of(wanted.key)
        await self._transfers.deliver(wanted.key, wanted.token, workspace)
        return ResultsDelivered(key=wanted.key)

    async def _remove(self, key: AttemptKey) -> Input:
        await self._executor.forget(*key)
        await _to_thread(self._workspaces.remove, key)
        return Removed(key=key)


def job_environment(
    settings: AgentSettings, key: AttemptKey, fetched: Fetched, workspace: Workspace
) -> dict[str, str]:
    """Return the whole environment of a job."""
    job_id, attempt = key
    return {
        "PATH": settings.path,
        "LANG": "C.UTF-8",
        **settings.environment,
        "HOME": str(workspace.job),
        "TMPDIR": str(workspace.temporary),
        "JOB_ID": job_id,
        "JOB_NUMBER": str(fetched.number),
        "JOB_ATTEMPT": str(attempt),
        "JOB_SERVICE": fetched.service,
    }


def _log_trouble(what: str, key: AttemptKey, error: Exception) -> None:
    logger.warning(
        "attempt.trouble", what=what, job_id=key[0], attempt=key[1], why=str(error)
    )
