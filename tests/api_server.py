"""The real API over real HTTP, with the real writer, read model and file store.

Only the log is in memory, and the test plays the client.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx

from orchestrator import clock
from orchestrator.api.app import create_app
from orchestrator.api.authentication import OPERATOR, OpenAuthenticator
from orchestrator.api.injection import Api
from orchestrator.api.log_watch import LogWatch
from orchestrator.api.server import bind, serve
from orchestrator.api.uploads import UploadLimits
from orchestrator.domain.commands import (
    Asked,
    Command,
    ConfigureService,
    JoinClient,
    ReportEnded,
    ReportStarted,
)
from orchestrator.domain.events import JobAssigned, Results
from orchestrator.domain.ids import (
    ClientId,
    CommandId,
    Incarnation,
    JobId,
    Position,
    PrincipalId,
    ServiceName,
)
from orchestrator.domain.principal import Principal
from orchestrator.event_log.memory import MemoryLog
from orchestrator.files.collecting import collect
from orchestrator.files.manifest import Manifest
from orchestrator.files.script_check import ScriptCheck
from orchestrator.files.script_policy import ScriptPolicy
from orchestrator.files.store import LocalFileStore
from orchestrator.files.transfer_token import mint
from orchestrator.wire import MANIFEST_LENGTH
from orchestrator.writer.candidate import PingUnheard
from orchestrator.writer.commands import Answered
from orchestrator.writer.office import Office, OfficeSettings
from projections.projector import Projector
from tests.fakes.faulty_server import FaultyCommands, LogEnd

SECRET = b"only for tests"
CLIENT = ClientId("client-1")
LIFE = Incarnation("life-1")
SCRIPT = b"echo hello\n"
_BY_CLIENT = Principal(id=PrincipalId(CLIENT), role="client")
_PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Hub:
    """A running server, and a client of it that a test plays."""

    url: str
    http: httpx.AsyncClient
    api: Api
    commands: FaultyCommands
    log_end: LogEnd
    directory: Path

    async def ask(self, command: Command, by: Principal = _BY_CLIENT) -> Answered:
        """Ask the writer, past the API."""
        command_id = CommandId(clock.new_id())
        asked = Asked(command_id=command_id, by=by, command=command)
        answered = await self.api.commands.ask(asked)
        assert await self.api.projector.reached(answered.position, _PATIENCE_SECONDS)
        return answered

    async def submit(self, **files: bytes) -> dict[str, Any]:
        """Return the answer to a submission through the native route."""
        answer = await self.http.post("/jobs", files=form(files or {"run.sh": SCRIPT}))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def join(self, slots: int = 4) -> None:
        """Offer slots, so that jobs are assigned."""
        await self.ask(
            JoinClient(
                client_id=CLIENT,
                incarnation=LIFE,
                name="test",
                version="0",
                protocol=1,
                slots=slots,
            ),
        )

    async def start(self, job_id: str) -> int:
        """Claim a job once it is assigned; return its attempt."""
        attempt = await self._assigned(JobId(job_id))
        await self.ask(
            ReportStarted(
                job_id=JobId(job_id),
                client_id=CLIENT,
                attempt=attempt,
                incarnation=LIFE,
            ),
        )
        return attempt

    async def _assigned(self, job_id: JobId) -> int:
        events = self.api.projector.read_model.follow_job(job_id)
        with anyio.fail_after(_PATIENCE_SECONDS):
            async with aclosing(events):
                async for _, recorded in events:
                    if isinstance(recorded.event, JobAssigned):
                        return recorded.event.attempt
        raise AssertionError

    async def end(self, job_id: str, attempt: int, exit_code: int = 0) -> Manifest:
        """Deliver results over HTTP and report the end of an attempt."""
        manifest, archive = self.results_of(job_id)
        await self.deliver(job_id, attempt, manifest, archive)
        await self.ask(
            ReportEnded(
                job_id=JobId(job_id),
                client_id=CLIENT,
                attempt=attempt,
                exit_code=exit_code,
                results=Results(
                    manifest_sha256=manifest.digest(),
                    size=manifest.size,
                    files=len(manifest.entries),
                ),
            ),
        )
        return manifest

    async def run(self, job_id: str, exit_code: int = 0) -> Manifest:
        """Run a job from its assignment to its end."""
        return await self.end(job_id, await self.start(job_id), exit_code)

    def results_of(self, job_id: str) -> tuple[Manifest, bytes]:
        """Return what an imagined run of a job left behind."""
        work = self.directory / "work" / job_id
        if not work.exists():  # else its times would be others
            work.mkdir(parents=True)
            (work / "out.txt").write_text(f"result of {job_id}\n" * 100)
        target = self.directory / f"{job_id}.zip"
        manifest = collect(work, None, None, target)
        return manifest, target.read_bytes()

    async def deliver(
        self,
        job_id: str,
        attempt: int,
        manifest: Manifest,
        archive: bytes,
    ) -> None:
        """Bring results as a client does."""
        answer = await self.put_results(job_id, attempt, manifest, archive)
        assert answer.status_code == 200, answer.text

    async def put_results(
        self,
        job_id: str,
        attempt: int,
        manifest: Manifest,
        archive: bytes,
    ) -> httpx.Response:
        """Return the answer to results, whatever they are."""
        encoded = manifest.encode()
        return await self.http.put(
            f"/transfers/{job_id}/{attempt}/results/{manifest.digest()}",
            content=encoded + archive,
            headers=bearer(job_id, attempt) | {MANIFEST_LENGTH: str(len(encoded))},
        )

    def stored(self, folder: str) -> list[Path]:
        """Return the files that the store holds."""
        found = (self.directory / "files" / folder).rglob("*")
        return [path for path in found if path.is_file()]


def form(
    files: Mapping[str, bytes],
    **job: Any,
) -> list[tuple[str, tuple[str | None, bytes | str, str]]]:
    """Return the multipart parts of a native submission."""
    wanted = httpx.Response(200, json={"service": "echo", "user": "ada", **job}).text
    parts = [("file", (name, body, "text/plain")) for name, body in files.items()]
    return [("job", (None, wanted, "application/json")), *parts]


def bearer(job_id: str, attempt: int, *, seconds: float = 60) -> dict[str, str]:
    """Return the header of a client that may transfer files of an attempt."""
    expires_at = clock.now().wall + timedelta(seconds=seconds)
    token = mint(SECRET, JobId(job_id), attempt, expires_at)
    return {"Authorization": f"Bearer {token}"}


async def eventually(condition: Callable[[], bool]) -> None:
    """Return once something holds; fail when it does not within seconds."""
    with anyio.fail_after(_PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - a disk rings no bell
            await anyio.sleep(0.005)


@asynccontextmanager
async def running_hub(
    directory: Path,
    *,
    limits: UploadLimits | None = None,
    reserve_bytes: int = 0,
    declared: Sequence[ConfigureService] | None = None,
    policies: Mapping[ServiceName, ScriptPolicy] | None = None,
) -> AsyncGenerator[Hub]:
    """Yield a running server with one service, "echo"."""
    log = MemoryLog()
    store = LocalFileStore(directory / "files", reserve_bytes=reserve_bytes)
    projector = await Projector.open(directory / "read-model.duckdb")
    settings = OfficeSettings(server_id="test", version="0", declared=declared)
    office = Office(log, projector, _unheard, settings, lambda: True)
    commands, log_end, stop = FaultyCommands(office), LogEnd(log), anyio.Event()
    watch = LogWatch(log_end, lambda: projector.position)
    api = Api(
        commands=commands,
        projector=projector,
        files=store,
        authenticator=OpenAuthenticator(),
        log_end=watch.end,
        log_age_seconds=watch.age_seconds,
        transfer_secret=SECRET,
        stop=stop,
        upload_limits=limits or UploadLimits(),
        scripts=ScriptCheck(policies or {}),
        durability="verified",
        warnings=office.warnings,
    )
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serve_app = partial(serve, create_app(api), listener, stop=stop)
    try:
        async with (
            anyio.create_task_group() as tasks,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as http,
        ):
            tasks.start_soon(projector.run)
            tasks.start_soon(office.run)
            async with anyio.create_task_group() as serving:
                serving.start_soon(serve_app)
                await office.leads()
                hub = Hub(url, http, api, commands, log_end, directory)
                await hub.ask(_ECHO, OPERATOR)
                yield hub
                stop.set()
            tasks.cancel_scope.cancel()
    finally:
        await projector.close()
        store.close()


_ECHO = ConfigureService(
    service=ServiceName("echo"),
    runs_per_user=1_000,
    max_runs=1_000,
    source="settings",
)


async def _unheard(_term: Position) -> PingUnheard:
    return PingUnheard(jitter_us=0)
