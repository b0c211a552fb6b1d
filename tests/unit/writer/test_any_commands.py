"""Any commands, in any order, from anybody: what must hold after each of them.

Beside the state that decides, two others follow: one folds the same events from their
bytes, one is thrown away now and then and made again from a snapshot.
"""
# Over 300 lines: one state machine, whose rules and invariants are read together.

# Over 300 lines: a state machine of hypothesis is one class.

from collections import Counter

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import structs

from orchestrator.domain.commands import (
    ArchivedJob,
    CancelJob,
    Command,
    ConfigureService,
    FetchInputs,
    ImportJob,
    JoinClient,
    LeaveClient,
    LoseClient,
    ReportEnded,
    ReportLost,
    ReportStarted,
    RetireService,
    SubmitJob,
    SyncClient,
)
from orchestrator.domain.events import (
    AttemptLost,
    Event,
    JobAssigned,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobImported,
    JobStarted,
    JobStopRequested,
    JobSubmitted,
    Violation,
)
from orchestrator.domain.ids import (
    ClientId,
    Incarnation,
    JobId,
    PrincipalId,
    ServiceName,
    UserId,
)
from orchestrator.domain.job import Assigned, Ended, JobState, Queued, Running, Unknown
from orchestrator.domain.principal import Principal
from orchestrator.errors import CommandRejectedError
from orchestrator.writer import snapshot
from tests.examples import BUNDLE, OPERATOR, PORTAL, RESULTS
from tests.unit.writer.world import VERSION, World, runnable

type Outcome = list[Event] | str

JOBS = st.sampled_from([JobId(f"job-{n}") for n in range(8)])
USERS = st.sampled_from([UserId("ada"), UserId("bob")])
SERVICES = st.sampled_from([ServiceName("echo"), ServiceName("fold")])
CLIENTS = st.sampled_from([ClientId("c1"), ClientId("c2")])
LIVES = st.sampled_from([Incarnation("life-1"), Incarnation("life-2")])
NTH = st.integers(0, 7)
OFFSETS = st.sampled_from([0, 0, 0, 0, -1, 1])

# What may happen to a job in each state; everything else would be a lie.
LEGAL: dict[type[JobState], tuple[type[Event], ...]] = {
    Unknown: (JobSubmitted, JobImported),
    Queued: (JobAssigned, JobCancelled),
    Assigned: (JobStarted, AttemptLost, JobCancelled),
    Running: (
        JobCompleted,
        JobFailed,
        JobCancelled,
        AttemptLost,
        JobCancelRequested,
        JobStopRequested,
    ),
    Ended: (),
}


class AnyCommands(RuleBasedStateMachine):
    """The writer, asked for anything."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.folding = World()
        self.restored = World()
        self.before: dict[JobId, JobState] = {}
        self.endings: Counter[JobId] = Counter()
        self.archive: dict[JobId, ArchivedJob] = {}
        for service in ("echo", "fold"):
            self.configure(ServiceName(service), 2, 3)
        for client in ("c1", "c2"):
            self.join(ClientId(client), Incarnation("life-1"), 3, one=client == "c2")

    # -- what is asked ----------------------------------------------------------

    @rule(user=USERS, service=SERVICES)
    def submit_and_settle(self, user: UserId, service: ServiceName) -> None:
        unused = JobId(f"new-{len(self.world.log)}")
        self.ask(_submission(unused, user, service, "x"))
        self.settle()

    @rule(job=JOBS, user=USERS, service=SERVICES, body=st.sampled_from("xxy"))
    def submit(self, job: JobId, user: UserId, service: ServiceName, body: str) -> None:
        self.ask(_submission(job, user, service, body))

    @rule(job=JOBS, service=SERVICES)
    def submit_what_can_never_run(self, job: JobId, service: ServiceName) -> None:
        wanted = _submission(job, UserId("ada"), service, "x")
        violation = Violation(rule="no-sudo", line=3)
        self.ask(structs.replace(wanted, violation=violation))

    @rule(job=JOBS, user=USERS, number=st.integers(0, 30), runs=st.booleans())
    def bring_over(self, job: JobId, user: UserId, number: int, *, runs: bool) -> None:
        self.ask(
            ImportJob(
                job_id=job,
                number=number,
                service=ServiceName("echo"),
                user=user,
                state="queued" if runs else "completed",
                bundle=BUNDLE if runs else None,
                results=None if runs else RESULTS,
            ),
            OPERATOR,
        )

    @rule(job=JOBS, by=st.sampled_from(["ada", "bob", "portal"]))
    def cancel(self, job: JobId, by: str) -> None:
        user = Principal(id=PrincipalId(by), role="user")
        self.ask(CancelJob(job_id=job), PORTAL if by == "portal" else user)

    @rule(client=CLIENTS, life=LIVES, slots=st.integers(0, 3), one=st.booleans())
    def join(
        self, client: ClientId, life: Incarnation, slots: int, *, one: bool
    ) -> None:
        self.ask(
            JoinClient(
                client_id=client,
                incarnation=life,
                name="bench",
                version=VERSION,
                protocol=1,
                slots=slots,
                services=(ServiceName("echo"),) if one else (),
            )
        )

    @rule(client=CLIENTS, life=LIVES)
    def leave(self, client: ClientId, life: Incarnation) -> None:
        self.ask(LeaveClient(client_id=client, incarnation=life))

    @rule(client=CLIENTS, life=st.just(Incarnation("life-2")))
    def lose(self, client: ClientId, life: Incarnation) -> None:
        self.ask(LoseClient(client_id=client, incarnation=life, silent_ms=15_000))

    @rule(client=CLIENTS, life=LIVES)
    def sync(self, client: ClientId, life: Incarnation) -> None:
        self.ask(SyncClient(client_id=client, incarnation=life))

    @rule()
    def claim_all(self) -> None:
        for job_id, job in list(self.world.state.live.items()):
            if isinstance(job, Assigned):
                self.ask(
                    ReportStarted(
                        job_id=job_id,
                        client_id=job.client_id,
                        attempt=job.attempt,
                        incarnation=Incarnation("life-1"),
                    )
                )

    @rule(code=st.sampled_from([0, 3]))
    def end_the_first(self, code: int) -> None:
        for job_id, job in list(self.world.state.live.items()):
            if isinstance(job, Running):
                report = ReportEnded(
                    job_id=job_id,
                    client_id=job.client_id,
                    attempt=job.attempt,
                    exit_code=code,
                    results=RESULTS,
                )
                self.ask(report)
                self.ask(report)
                return

    @rule(nth=NTH, life=LIVES, client=CLIENTS, right=st.booleans(), off=OFFSETS)
    def claim(
        self, nth: int, life: Incarnation, client: ClientId, off: int, *, right: bool
    ) -> None:
        job, holder, attempt = self.holder(nth, client, off, right=right)
        self.ask(
            ReportStarted(
                job_id=job, client_id=holder, attempt=attempt, incarnation=life
            )
        )

    @rule(nth=NTH)
    def cancel_and_settle(self, nth: int) -> None:
        live = [*self.world.state.live, JobId("job-0")]
        self.ask(CancelJob(job_id=live[nth % len(live)]))
        if nth % 2:
            self.settle()

    @rule(
        nth=NTH,
        client=CLIENTS,
        right=st.booleans(),
        off=OFFSETS,
        code=st.sampled_from([0, 0, 3, None]),
        signal=st.sampled_from([None, None, 9]),
        delivered=st.booleans(),
    )
    def end(  # noqa: PLR0913 - each may be right or wrong by itself
        self,
        nth: int,
        client: ClientId,
        off: int,
        code: int | None,
        signal: int | None,
        *,
        delivered: bool,
        right: bool,
    ) -> None:
        job, holder, attempt = self.holder(nth, client, off, right=right)
        self.ask(
            ReportEnded(
                job_id=job,
                client_id=holder,
                attempt=attempt,
                exit_code=code,
                signal=signal,
                results=RESULTS if delivered else None,
            )
        )

    @rule(nth=NTH, client=CLIENTS, right=st.booleans(), off=OFFSETS)
    def give_up(self, nth: int, client: ClientId, off: int, *, right: bool) -> None:
        job, holder, attempt = self.holder(nth, client, off, right=right)
        self.ask(ReportLost(job_id=job, client_id=holder, attempt=attempt))

    @rule(nth=NTH, client=CLIENTS, right=st.booleans(), off=OFFSETS)
    def fetch(self, nth: int, client: ClientId, off: int, *, right: bool) -> None:
        job, holder, attempt = self.holder(nth, client, off, right=right)
        self.ask(FetchInputs(job_id=job, client_id=holder, attempt=attempt))

    @rule(service=SERVICES, user=st.integers(0, 3), most=st.integers(0, 9))
    def configure(self, service: ServiceName, user: int, most: int) -> None:
        source = "settings" if most % 2 else "api"
        self.ask(
            ConfigureService(
                service=service, runs_per_user=user, max_runs=most, source=source
            ),
            OPERATOR,
        )

    @rule(service=SERVICES)
    def retire(self, service: ServiceName) -> None:
        self.ask(RetireService(service=service, source="api"), OPERATOR)
        self.configure(service, 2, 3)

    @rule(job=JOBS, command_id=st.sampled_from(["one", "two"]))
    def repeat(self, job: JobId, command_id: str) -> None:
        self.ask(CancelJob(job_id=job), PORTAL, command_id)

    @rule()
    def settle(self) -> None:
        """Plan and do what is owed; then nothing that could run may wait."""
        count = len(self.world.log)
        self.world.settle()
        self.restored.settle()
        self.follow(count)
        assert runnable(self.world.state) == []
        assert not self.world.state.stops_owed
        assert self.world.settle() == []

    @precondition(lambda self: self.world.log)
    @rule()
    def start_again_from_a_snapshot(self) -> None:
        taken = snapshot.take(self.restored.state)
        state = snapshot.restore(taken)
        assert state is not None
        assert snapshot.take(state) == taken
        now, self.restored = self.restored.now, World(state)
        self.restored.now = now

    @rule()
    def forget_the_ended(self) -> None:
        self.world.state.forget_ended(self.world.state.position)
        assert not self.world.state.ended

    # -- how it is asked --------------------------------------------------------

    def holder(
        self, nth: int, client: ClientId, off: int, *, right: bool
    ) -> tuple[JobId, ClientId, int]:
        """Return a job and who reports on which attempt: mostly the right one."""
        state = self.world.state
        known = [*state.live, *self.archive, JobId("job-0")]
        job_id = known[nth % len(known)]
        job = state.job(job_id)
        if isinstance(job, Unknown):
            return job_id, client, 1
        if isinstance(job, Assigned | Running | Ended) and right:
            client = job.client_id or client
        return job_id, client, job.attempt + off

    def ask(self, command: Command, by: Principal = PORTAL, again: str = "") -> None:
        """Ask it of the state that decides, and of the one from a snapshot."""
        if hasattr(command, "archived"):
            archived = self.archive.get(getattr(command, "job_id", JobId("")))
            command = structs.replace(command, archived=archived)
        count = len(self.world.log)
        decided = _outcome(self.world, command, by, again)
        assert _outcome(self.restored, command, by, again) == decided
        self.follow(count)

    def follow(self, count: int) -> None:
        """Check each new event as it is folded by the others."""
        new = self.world.log[count:]
        assert self.restored.log[len(self.restored.log) - len(new) :] == new
        for position, recorded in new:
            self.check(recorded.event)
            self.folding.state.fold(position, recorded)
            self.keep(position)

    def check(self, event: Event) -> None:
        if not hasattr(event, "job_id"):
            return
        job_id: JobId = getattr(event, "job_id", JobId(""))
        before = self.folding.state.job(job_id)
        if job_id in self.archive:
            assert isinstance(before, Ended | Unknown)
            raise AssertionError(f"{event} after the end")
        assert isinstance(event, LEGAL[type(before)])
        attempt: int | None = getattr(event, "attempt", None)
        client_id: ClientId | None = getattr(event, "client_id", None)
        if isinstance(event, JobAssigned):
            assert event.attempt == before_attempt(before) + 1
            assert event.client_id in self.folding.state.clients.joined
        elif isinstance(before, Assigned | Running) and attempt is not None:
            assert (attempt, client_id) == (before.attempt, before.client_id)
        if isinstance(event, AttemptLost):
            assert not (isinstance(before, Running) and before.cancel_requested)
        if isinstance(event, JobCompleted | JobFailed):
            assert isinstance(before, Running)
            assert not before.cancel_requested

    def keep(self, position: int) -> None:
        """Do as the read model does: remember what has ended."""
        for job_id, (job, ended_at) in self.folding.state.ended.items():
            if ended_at == position:
                self.endings[job_id] += 1
                self.archive[job_id] = ArchivedJob(
                    job_id=job_id,
                    number=job.facts.number,
                    service=job.facts.service,
                    user=job.facts.user,
                    body_digest=job.facts.body_digest,
                    state=job.state,
                    attempt=job.attempt,
                    client_id=job.client_id,
                    outcome_digest=job.outcome_digest,
                    position=ended_at,
                )
        assert all(count == 1 for count in self.endings.values())

    # -- what must hold -----------------------------------------------------------

    @invariant()
    def folding_the_bytes_again_gives_the_same_state(self) -> None:
        taken = snapshot.take(self.world.state)
        assert snapshot.take(self.folding.state) == taken
        assert snapshot.take(self.restored.state) == taken

    @invariant()
    def counts_are_what_counting_gives(self) -> None:
        state = self.world.state
        held = [job for job in state.live.values() if not isinstance(job, Queued)]
        by_service = Counter(job.facts.service for job in held)
        by_flow = Counter((job.facts.service, job.facts.user) for job in held)
        for service in ("echo", "fold"):
            name = ServiceName(service)
            assert state.quota.of_service(name) == by_service[name]
            for user in (UserId("ada"), UserId("bob")):
                assert state.quota.of_user(name, user) == by_flow[name, user]
        assert {
            (client_id, job_id, attempt)
            for client_id, attempts in state.clients.all_held()
            for job_id, attempt in attempts.items()
        } == {(job.client_id, job.facts.job_id, job.attempt) for job in held}

    @invariant()
    def lanes_hold_exactly_the_queued(self) -> None:
        state = self.world.state
        waiting = [
            job_id
            for queue in state.queue.queues.values()
            for lane in queue.lanes.values()
            for job_id in lane
        ]
        queued = [id_ for id_, job in state.live.items() if isinstance(job, Queued)]
        assert sorted(waiting) == sorted(queued)

    @invariant()
    def every_number_is_given_once(self) -> None:
        births = [
            recorded.event
            for _, recorded in self.world.log
            if isinstance(recorded.event, JobSubmitted | JobImported)
        ]
        numbers = [event.number for event in births]
        assert len(set(numbers)) == len(numbers)
        for count, event in enumerate(births):
            if isinstance(event, JobSubmitted):
                assert event.number == max(numbers[:count], default=0) + 1
            elif event.number != event.original_number:
                assert event.original_number in numbers[:count]


def before_attempt(before: JobState) -> int:
    assert isinstance(before, Queued)
    return before.attempt


def _submission(job: JobId, user: UserId, service: ServiceName, body: str) -> SubmitJob:
    return SubmitJob(
        job_id=job, service=service, user=user, bundle=BUNDLE, body_digest=body
    )


def _outcome(world: World, command: Command, by: Principal, again: str) -> Outcome:
    try:
        return list(world.ask(command, by, again))
    except CommandRejectedError as error:
        return f"{type(error).__name__}: {error}"


TestAnyCommands = AnyCommands.TestCase
TestAnyCommands.settings = settings(
    deadline=None, max_examples=60, stateful_step_count=60
)
