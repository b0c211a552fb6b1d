"""The leading machine under any interleaving: nobody hears what the log does not hold.

A log in the test's hands stores writes or not, answers or not, and lets others write;
whenever the machine steps down, the next one begins on the fold of that log.
"""
# Over 300 lines: one state machine, whose rules and invariants are read together.

# Over 300 lines: a state machine of hypothesis is one class.

from typing import override

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestrator import codec
from orchestrator.domain.commands import (
    Asked,
    CancelJob,
    Command,
    ReportEnded,
    ReportStarted,
    SubmitJob,
)
from orchestrator.domain.events import Event, Recorded, WriterElected
from orchestrator.domain.ids import CommandId, JobId, Position, UserId
from orchestrator.domain.job import Assigned, Running, Unknown
from orchestrator.domain.principal import ORCHESTRATOR
from orchestrator.errors import (
    CommandRejectedError,
    LogFullError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
)
from orchestrator.writer import snapshot
from orchestrator.writer.commands import Answered
from orchestrator.writer.lead import Lead
from orchestrator.writer.lead_signals import (
    Answer,
    Append,
    AppendDoubtful,
    AppendRefused,
    AppendStored,
    ClientHeard,
    CommandArrived,
    EventFollowed,
    Input,
    ProofReturned,
    Prove,
    StepDown,
    Ticked,
    Ticket,
)
from orchestrator.writer.state import WriterState
from tests.examples import (
    BUNDLE,
    CLIENT,
    ECHO,
    FIRST_LIFE,
    OPERATOR,
    RESULTS,
    configure,
    instant,
    join,
    recorded,
)
from tests.unit.writer.world import VERSION

JOBS = st.sampled_from([JobId(f"job-{n}") for n in range(6)])


class AnyInputs(RuleBasedStateMachine):
    """One machine after the other, over one log."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Recorded[Event]] = []
        self.proved: dict[Ticket, Position] = {}
        self.waiting: dict[Ticket, Asked] = {}
        self.tickets = 0
        self.seconds = 0.0
        self.followed = 0
        self.take_office()
        for command in (configure(runs_per_user=2, max_runs=3), join(slots=2)):
            self.arrive(command, "")
            self.store_and_answer()

    # -- the log ------------------------------------------------------------------------

    def take_office(self) -> None:
        """Elect a new machine, whose state is what the log says."""
        election = WriterElected(
            server_id="s", version=VERSION, previous_term=len(self.log)
        )
        self.log.append(recorded(election, int(self.seconds), by=ORCHESTRATOR.id))
        state = folded(self.log)
        self.machine = Lead(state, now=instant(self.seconds), version=VERSION)
        self.in_flight: Append | Prove | None = None
        self.proof_began: Position = 0
        self.stepped_down = False
        self.followed = len(self.log)

    def give(self, given: Input) -> None:
        self.seconds += 0.01
        for output in self.machine.step(given, instant(self.seconds)):
            match output:
                case Append():
                    assert self.in_flight is None
                    assert output.expected == self.machine.acknowledged
                    self.in_flight = output
                case Prove():
                    assert self.in_flight is None
                    self.in_flight = output
                case Answer():
                    self.check(output.ticket, output.outcome)
                case StepDown():
                    assert not self.stepped_down
                    self.stepped_down = True

    def check(self, ticket: Ticket, outcome: Answered | OrchestratorError) -> None:
        """Hold an answer against the log."""
        asked = self.waiting.pop(ticket)
        if isinstance(outcome, Answered):
            assert outcome.position <= len(self.log)
            last = outcome.position - len(outcome.events)
            assert list(outcome.events) == self.log[last : outcome.position]
            self.require_done(asked)
        elif isinstance(outcome, NotLeadingError):
            # Nothing was done, unless an earlier try of the same command did it.
            if asked.command_id.startswith("once"):
                assert all(each.command_id != asked.command_id for each in self.log)
        elif not isinstance(outcome, OutcomeUnknownError | LogFullError):
            assert isinstance(outcome, CommandRejectedError)
            if not outcome.settled:
                # The state it rests on was the log's after the command came.
                assert self.machine.acknowledged >= self.proved[ticket]

    def require_done(self, asked: Asked) -> None:
        """What was answered stands in the log, for whoever folds it now."""
        state, command = folded(self.log), asked.command
        if isinstance(command, SubmitJob | CancelJob):
            assert not isinstance(state.job(command.job_id), Unknown)

    # -- what is asked ------------------------------------------------------------------

    def arrive(self, command: Command, command_id: str) -> None:
        self.tickets += 1
        id_ = CommandId(command_id or f"once-{self.tickets}")
        asked = Asked(command_id=id_, by=OPERATOR, command=command)
        self.waiting[self.tickets] = asked
        self.proved[self.tickets] = len(self.log)
        self.give(CommandArrived(self.tickets, asked))

    @rule(job=JOBS, user=st.sampled_from(["ada", "bob"]), again=st.booleans())
    def submit(self, job: JobId, user: str, *, again: bool) -> None:
        command = SubmitJob(
            job_id=job,
            service=ECHO,
            user=UserId(user),
            bundle=BUNDLE,
            body_digest=user,
        )
        self.arrive(command, f"submit-{job}" if again else "")

    @rule(job=JOBS, again=st.booleans())
    def cancel(self, job: JobId, *, again: bool) -> None:
        self.arrive(CancelJob(job_id=job), f"cancel-{job}" if again else "")

    @rule(nth=st.integers(0, 3))
    def claim_or_end(self, nth: int) -> None:
        held = [
            job
            for job in self.machine.state.live.values()
            if isinstance(job, Assigned | Running)
        ]
        if not held:
            return
        job = held[nth % len(held)]
        job_id, attempt = job.facts.job_id, job.attempt
        if isinstance(job, Assigned):
            self.arrive(
                ReportStarted(
                    job_id=job_id,
                    client_id=job.client_id,
                    attempt=attempt,
                    incarnation=FIRST_LIFE,
                ),
                "",
            )
        else:
            self.arrive(
                ReportEnded(
                    job_id=job_id,
                    client_id=job.client_id,
                    attempt=attempt,
                    exit_code=0,
                    results=RESULTS,
                ),
                "",
            )

    @rule(count=st.integers(8, 20))
    def a_burst(self, count: int) -> None:
        for number in range(count):
            self.submit(JobId(f"burst-{self.tickets}-{number}"), "ada", again=False)

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.5, 20.0]))
    def tick(self, seconds: float) -> None:
        self.seconds += seconds
        self.give(Ticked())

    @rule()
    def beat(self) -> None:
        self.give(ClientHeard(CLIENT))

    # -- what the log does ----------------------------------------------------------------

    def is_writing(self) -> bool:
        return isinstance(self.in_flight, Append)

    def is_proving(self) -> bool:
        return isinstance(self.in_flight, Prove)

    def store(self) -> bool:
        """Store the write in flight, unless the fence refuses it."""
        assert isinstance(self.in_flight, Append)
        if self.in_flight.expected != len(self.log):
            return False
        self.log += [
            codec.decode(codec.encode(each), position=0)
            for each in self.in_flight.events
        ]
        return True

    @precondition(is_writing)
    @rule()
    def store_and_answer(self) -> None:
        stored = self.store()
        self.in_flight = None
        self.give(AppendStored() if stored else AppendDoubtful("the fence"))

    @precondition(is_writing)
    @rule()
    def store_and_deliver_before_the_answer(self) -> None:
        if self.store():
            self.deliver()
            self.in_flight = None
            self.give(AppendStored())

    @precondition(is_writing)
    @rule(stored=st.booleans())
    def lose_the_answer(self, *, stored: bool) -> None:
        if stored:
            self.store()
        self.in_flight = None
        self.give(AppendDoubtful("timed out"))

    @precondition(is_writing)
    @rule()
    def refuse_it_as_too_much(self) -> None:
        self.in_flight = None
        self.give(AppendRefused(LogFullError()))

    @precondition(is_proving)
    @rule()
    def prove(self) -> None:
        self.in_flight = None
        self.give(ProofReturned(len(self.log)))

    @precondition(is_proving)
    @rule()
    def fail_to_prove(self) -> None:
        self.in_flight = None
        self.give(AppendDoubtful("unreachable"))

    @rule()
    def deliver(self) -> None:
        """Hand over what the log holds, as a follower does: late, and at once."""
        while self.followed < len(self.log):
            self.followed += 1
            given = EventFollowed(self.followed, self.log[self.followed - 1])
            self.give(given)

    @rule(late=st.booleans())
    def somebody_else_is_elected(self, *, late: bool) -> None:
        election = WriterElected(server_id="other", version=VERSION, previous_term=0)
        self.log.append(recorded(election, int(self.seconds)))
        if not late:
            self.deliver()
            assert self.stepped_down

    @precondition(lambda self: self.stepped_down)
    @rule()
    def begin_again(self) -> None:
        assert not self.waiting, "left without an answer"
        self.take_office()

    # -- what must hold ---------------------------------------------------------------------

    @invariant()
    def what_it_takes_for_acknowledged_is_in_the_log(self) -> None:
        assert self.machine.acknowledged <= len(self.log)

    @invariant()
    def while_nothing_is_undecided_its_state_is_the_fold_of_the_log(self) -> None:
        if self.stepped_down or self.machine.state.position != len(self.log):
            return
        if self.machine.acknowledged == len(self.log):
            expected = snapshot.take(folded(self.log))
            assert snapshot.take(self.machine.state) == expected

    @invariant()
    def whoever_has_stepped_down_owes_nobody_an_answer(self) -> None:
        assert not (self.stepped_down and self.waiting)

    @invariant()
    def somebody_waits_only_for_an_operation_in_flight(self) -> None:
        if self.waiting:
            assert self.in_flight is not None

    @override
    def teardown(self) -> None:
        """Let everything be answered: nobody waits for ever."""
        for _ in range(1_000):
            if self.is_writing():
                self.store_and_answer()
            elif self.is_proving():
                self.prove()
            else:
                break
        assert not self.waiting


def folded(log: list[Recorded[Event]]) -> WriterState:
    state = WriterState()
    for position, each in enumerate(log, start=1):
        state.fold(position, each)
    return state


TestAnyInputs = AnyInputs.TestCase
TestAnyInputs.settings = settings(
    deadline=None, max_examples=40, stateful_step_count=50
)
