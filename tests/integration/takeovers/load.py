"""What a drill does to its servers all the while: portals, operators and clients."""

import contextlib
import random
import zlib
from collections.abc import Callable, Generator

import anyio
from anyio.abc import TaskGroup

from orchestrator import codec
from orchestrator.domain.commands import (
    Asked,
    CancelJob,
    Command,
    ConfigureService,
    ReportEnded,
    ReportStarted,
    SubmitJob,
    SyncClient,
)
from orchestrator.domain.events import JobAssigned, WriterElected
from orchestrator.domain.ids import ClientId, CommandId, Incarnation, JobId, UserId
from orchestrator.domain.principal import Principal
from orchestrator.errors import (
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
)
from orchestrator.event_log.port import EventLog
from orchestrator.writer.commands import Answered
from orchestrator.writer.state import WriterState
from tests.examples import BUNDLE, ECHO, FIRST_LIFE, OPERATOR, PORTAL, RESULTS, join
from tests.integration.takeovers.party import Server
from tests.integration.takeovers.witness import Answer, Entry

USERS = [UserId(f"user-{number}") for number in range(5)]
CLIENTS = [ClientId(f"client-{number}") for number in range(3)]
SLOTS = 5
# So many live jobs are enough.
_BACKLOG = 100


class Load:
    """Asks any server anything at a steady rate, and keeps every answer."""

    def __init__(self, log: EventLog, servers: list[Server], seed: int) -> None:
        self._log = log
        self._servers = servers
        self._random = random.Random(seed)  # noqa: S311 - for a drill that can be repeated
        self._number = 0
        self._answered_up_to = 0
        self._known_jobs: list[JobId] = []
        self.seen = WriterState()
        self.entries: list[Entry] = []
        self.answers: list[Answer] = []
        self.elected = anyio.Event()  # replaced at each election
        self.moved = anyio.Event()  # replaced at each batch
        self.unanswered: dict[CommandId, str] = {}
        self.quiet = False  # no new wishes; what was begun is finished

    @contextlib.contextmanager
    def patience(self, seconds: float, awaited: str) -> Generator[None]:
        """Return a context that says what there is instead of what is awaited."""
        with anyio.move_on_after(seconds) as scope:
            yield
        if scope.cancelled_caught:
            live, unanswered = [*self.seen.live.values()], [*self.unanswered.values()]
            raise AssertionError(
                f"no {awaited} within {seconds} s; position {self.seen.position}, term "
                f"{self.seen.term} of {self.seen.leader}, {len(live)} live jobs, "
                f"{len(unanswered)} unanswered: {live[:3]} {unanswered[:3]}"
            )

    async def follow(self, tasks: TaskGroup) -> None:
        """Read along, and play the clients of every assignment."""
        async for batch in self._log.follow(0):
            for message in batch:
                recorded = codec.decode(message.data, position=message.position)
                digest = zlib.crc32(message.data)
                self.entries.append(Entry(message.position, recorded, digest))
                self.seen.fold(message.position, recorded)
                if isinstance(recorded.event, WriterElected):
                    elected, self.elected = self.elected, anyio.Event()
                    elected.set()
                elif isinstance(recorded.event, JobAssigned):
                    tasks.start_soon(self._run_attempt, recorded.event)
            moved, self.moved = self.moved, anyio.Event()
            moved.set()

    async def press(self, tasks: TaskGroup, per_second: float) -> None:
        """Wish for something again and again, until it is to be quiet."""
        for client_id in CLIENTS:
            await self.insist(join(client_id, SLOTS))
        while not self.quiet:
            tasks.start_soon(self._wish)
            await anyio.sleep(self._random.expovariate(per_second))

    async def _wish(self) -> None:
        wishes: list[tuple[float, Callable[[], tuple[Command, Principal]]]] = [
            (50, self._submission),
            (8, self._submission_again),
            (4, self._other_submission),
            (10, self._cancellation),
            (5, self._unknown_cancellation),
            (6, self._false_claim),
            (3, self._sync),
            (2, self._rejoin),
            (2, self._limits),
        ]
        weights = [weight for weight, _ in wishes]
        ((_, wish),) = self._random.choices(wishes, weights)
        command, by = wish()
        outcome = await self._ask(command, by, self._new_id())
        if isinstance(command, SubmitJob) and isinstance(outcome, Answered):
            self._known_jobs.append(command.job_id)

    async def insist(self, command: Command) -> Answered | OrchestratorError:
        """Ask one server after the other, with the same id, until one knows."""
        command_id = self._new_id()
        while True:
            outcome = await self._ask(command, PORTAL, command_id)
            if not isinstance(outcome, NotLeadingError | OutcomeUnknownError):
                return outcome

    async def _ask(
        self, command: Command, by: Principal, command_id: CommandId
    ) -> Answered | OrchestratorError:
        asked = Asked(command_id=command_id, by=by, command=command)
        known = max(self.seen.position, self._answered_up_to)
        server = self._random.choice(self._servers)
        self.unanswered[command_id] = f"{server.name}: {command}"
        outcome = await server.ask(asked)
        if isinstance(outcome, Answered):
            self._answered_up_to = max(self._answered_up_to, outcome.position)
        end = (await self._log.end()).position
        del self.unanswered[command_id]
        self.answers.append(
            Answer(
                server=server.name, asked=asked, outcome=outcome, known=known, end=end
            )
        )
        return outcome

    def _new_id(self) -> CommandId:
        self._number += 1
        return CommandId(f"command-{self._number}")

    # -- clients ------------------------------------------------------------------

    async def _run_attempt(self, event: JobAssigned) -> None:
        claim = ReportStarted(
            job_id=event.job_id,
            client_id=event.client_id,
            attempt=event.attempt,
            incarnation=FIRST_LIFE,
        )
        if isinstance(await self.insist(claim), OrchestratorError):
            return
        async with anyio.create_task_group() as reports:
            reports.start_soon(self.insist, self._ending(event, exit_code=0))
            if self._random.random() < 0.2:
                # Two endings that contradict each other: one may be accepted.
                reports.start_soon(self.insist, self._ending(event, exit_code=3))

    def _ending(self, event: JobAssigned, exit_code: int) -> ReportEnded:
        return ReportEnded(
            job_id=event.job_id,
            client_id=event.client_id,
            attempt=event.attempt,
            exit_code=exit_code,
            results=RESULTS,
        )

    # -- wishes -------------------------------------------------------------------

    def _submission(self) -> tuple[Command, Principal]:
        if len(self.seen.live) > _BACKLOG:
            return self._cancellation()
        self._number += 1
        return self._job(JobId(f"job-{self._number}"), "body"), PORTAL

    def _job(self, job_id: JobId, body: str) -> SubmitJob:
        return SubmitJob(
            job_id=job_id,
            service=ECHO,
            user=USERS[zlib.crc32(job_id.encode()) % len(USERS)],
            bundle=BUNDLE,
            body_digest=body,
        )

    def _submission_again(self) -> tuple[Command, Principal]:
        return self._job(self._some_job(), "body"), PORTAL

    def _other_submission(self) -> tuple[Command, Principal]:
        return self._job(self._some_job(), "another body"), PORTAL

    def _cancellation(self) -> tuple[Command, Principal]:
        return CancelJob(job_id=self._some_job()), PORTAL

    def _unknown_cancellation(self) -> tuple[Command, Principal]:
        return CancelJob(job_id=JobId("nobody's")), PORTAL

    def _false_claim(self) -> tuple[Command, Principal]:
        claim = ReportStarted(
            job_id=self._some_job(),
            client_id=ClientId("nobody"),
            attempt=self._random.randint(1, 3),
            incarnation=Incarnation("nobody's"),
        )
        return claim, PORTAL

    def _sync(self) -> tuple[Command, Principal]:
        client_id = self._random.choice(CLIENTS)
        return SyncClient(client_id=client_id, incarnation=FIRST_LIFE), PORTAL

    def _rejoin(self) -> tuple[Command, Principal]:
        return join(self._random.choice(CLIENTS), self._random.randint(3, 6)), PORTAL

    def _limits(self) -> tuple[Command, Principal]:
        limits = ConfigureService(
            service=ECHO,
            runs_per_user=self._random.randint(2, 4),
            max_runs=self._random.randint(6, 12),
            source="api",
        )
        return limits, OPERATOR

    def _some_job(self) -> JobId:
        """Return a job that was acknowledged, rather a recent one."""
        known = self._known_jobs
        recent = known[-30:] if self._random.random() < 0.7 else known
        return self._random.choice(recent) if recent else JobId("nobody's")
