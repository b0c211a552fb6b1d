"""Judges a drill from the log alone, and every answer by the prefixes it can rest on."""
# Over 300 lines: one verdict, whose checks are read together.

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from orchestrator.domain.commands import Asked, ReportEnded, SubmitJob
from orchestrator.domain.events import (
    Event,
    JobAssigned,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobStopRequested,
    JobSubmitted,
    Recorded,
    ServiceConfigured,
    WriterElected,
)
from orchestrator.domain.ids import CommandId, JobId, Position
from orchestrator.domain.job import Queued
from orchestrator.errors import (
    CommandRejectedError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
)
from orchestrator.writer.commands import Answered
from orchestrator.writer.decide import decide
from orchestrator.writer.duties import stops
from orchestrator.writer.holdings import held_attempts
from orchestrator.writer.plan import plan_next
from orchestrator.writer.state import WriterState
from tests.integration.takeovers.server import VERSION
from tests.integration.takeovers.talk import Attempted


class Answer(Struct, frozen=True, kw_only=True):
    """What a server said to a command, and what could be known then.

    Everything up to `known` was known before it was asked; when the answer came the
    log ended at `end`.
    """

    server: str
    asked: Asked
    outcome: Answered | OrchestratorError
    known: Position
    end: Position


class Entry(Struct, frozen=True):
    """One event of the log, with a digest of its bytes."""

    position: Position
    recorded: Recorded[Event]
    digest: int


class Verdict(Struct, frozen=True, kw_only=True):
    """What was wrong, and how much was looked at."""

    violations: tuple[str, ...]
    events: int
    elections: int
    endings: int
    acknowledged: int
    refused: int
    nothing_to_do: int
    not_leading: int
    unknown: int
    writes_fenced_off: int  # that somebody tried and the log does not hold


def judge(
    log: Sequence[Entry],
    answers: Sequence[Answer],
    attempted: Mapping[str, Sequence[Attempted]],
) -> Verdict:
    """Return what the log and the answers say about each other."""
    court = _Court(log, answers)
    court.hear()
    violations = [*court.violations, *_writers(log, attempted)]
    kinds = Counter(_kind(answer.outcome) for answer in answers)
    events = [entry.recorded.event for entry in log]
    held = {(entry.position, entry.digest) for entry in log}
    return Verdict(
        violations=tuple(violations),
        events=len(log),
        elections=sum(isinstance(event, WriterElected) for event in events),
        endings=sum(isinstance(event, _ENDINGS) for event in events),
        acknowledged=kinds["acknowledged"],
        refused=kinds["refused"],
        nothing_to_do=kinds["nothing_to_do"],
        not_leading=kinds["not_leading"],
        unknown=kinds["unknown"],
        writes_fenced_off=sum(
            (each.expected + 1, each.digests[0]) not in held
            for tries in attempted.values()
            for each in tries
        ),
    )


_ENDINGS = (JobCompleted, JobFailed, JobCancelled)


def _kind(outcome: Answered | OrchestratorError) -> str:
    match outcome:
        case Answered():
            return "acknowledged" if outcome.events else "nothing_to_do"
        case CommandRejectedError():
            return "refused"
        case NotLeadingError():
            return "not_leading"
        case OutcomeUnknownError():
            return "unknown"
        case _:
            return type(outcome).__name__


def _writers(
    log: Sequence[Entry], attempted: Mapping[str, Sequence[Attempted]]
) -> list[str]:
    """Between two elections every event is from the one server that was elected."""
    tried: dict[tuple[int, int], set[str]] = {}
    for server, tries in attempted.items():
        for each in tries:
            for position, digest in enumerate(each.digests, each.expected + 1):
                tried.setdefault((position, digest), set()).add(server)
    violations: list[str] = []
    leader = ""
    for entry in log:
        if isinstance(entry.recorded.event, WriterElected):
            leader = entry.recorded.event.server_id
        wrote = tried.get((entry.position, entry.digest), set())
        if wrote != {leader}:
            violations.append(
                f"{entry.position}: written by {sorted(wrote)} in the term of {leader}"
            )
    return violations


class _Court:
    """Folds the log once and holds each event and answer against the prefixes."""

    def __init__(self, log: Sequence[Entry], answers: Sequence[Answer]) -> None:
        self._log = log
        self._state = WriterState()
        self.violations: list[str] = []
        self._by_command = {each.asked.command_id: each for each in answers}
        self._answers = answers
        self._events: dict[CommandId, list[Position]] = {}
        self._births = Counter[JobId]()
        self._endings = Counter[JobId]()
        # Answers that appended nothing, each with the prefixes it may rest on.
        self._open: list[Answer] = []
        self._to_open: list[Answer] = []

    def hear(self) -> None:
        for entry in self._log:
            command_id = entry.recorded.command_id
            if command_id:
                self._events.setdefault(command_id, []).append(entry.position)
            event = entry.recorded.event
            if isinstance(event, JobSubmitted):
                self._births[event.job_id] += 1
            elif isinstance(event, _ENDINGS):
                self._endings[event.job_id] += 1
        waiting = [each for each in self._answers if self._appended_nothing(each)]
        self._to_open = sorted(waiting, key=lambda each: -each.known)
        self._judge_prefix()
        for index, entry in enumerate(self._log):
            if entry.position != index + 1:
                self._object(entry.position, "the log has a hole")
            self._judge_event(entry)
            self._state.fold(entry.position, entry.recorded)
            self._judge_prefix()
        for each in [*self._open, *self._to_open]:
            self._wrong(each, "is true of no prefix it can rest on")
        for each in self._answers:
            self._judge_answer(each)
        for job_id, count in (self._births | self._endings).items():
            if count > 1:
                self._object(0, f"{job_id} was born or has ended {count} times")

    def _appended_nothing(self, answer: Answer) -> bool:
        if isinstance(answer.outcome, CommandRejectedError):
            return True
        return (
            isinstance(answer.outcome, Answered)
            and answer.asked.command_id not in self._events
        )

    # -- every event is what its prefix decides -----------------------------------

    def _judge_event(self, entry: Entry) -> None:
        state, recorded = self._state, entry.recorded
        if state.at is not None and recorded.at < state.at:
            self._object(entry.position, "time goes back")
        if recorded.command_id:
            self._judge_decision(entry)
            return
        match recorded.event:
            case WriterElected() as event if event.previous_term == state.term:
                legal = True
            case JobAssigned() as event:
                legal = plan_next(state, recorded.at) == event
                self._judge_limits(entry.position, event)
            case JobStopRequested() as event:
                legal = event in stops(state)
            case ServiceConfigured() as event:
                legal = event.source == "settings"
            case _:
                legal = False
        if not legal:
            self._object(entry.position, f"nobody decides {recorded.event}")

    def _judge_limits(self, position: Position, event: JobAssigned) -> None:
        # Counted naively: the plan's own counters are not believed.
        policy = self._state.queue.policies[event.service]
        running = [
            job.facts.user
            for job in self._state.live.values()
            if not isinstance(job, Queued) and job.facts.service == event.service
        ]
        if len(running) >= policy.max_runs:
            self._object(position, f"{len(running)} ran of at most {policy.max_runs}")
        if running.count(event.user) >= policy.runs_per_user:
            self._object(position, f"{event.user} had {running.count(event.user)}")

    def _judge_decision(self, entry: Entry) -> None:
        command_id = entry.recorded.command_id
        positions = self._events[command_id]
        answer = self._by_command.get(command_id)
        if answer is None:
            self._object(entry.position, f"nobody asked for {entry.recorded.event}")
        elif positions != list(range(positions[0], positions[0] + len(positions))):
            self._object(entry.position, f"{command_id} was carried out twice")
        elif entry.position == positions[0]:
            first, last = positions[0] - 1, positions[-1]
            written = [one.recorded.event for one in self._log[first:last]]
            if _decided(answer.asked, self._state) != written:
                self._object(entry.position, f"{answer.asked} does not give {written}")

    def _object(self, position: Position, why: str) -> None:
        self.violations.append(f"{position}: {why}")

    # -- every answer rests on a prefix -------------------------------------------

    def _judge_prefix(self) -> None:
        position = self._state.position
        while self._to_open and self._to_open[-1].known <= position:
            self._open.append(self._to_open.pop())
        still: list[Answer] = []
        for each in self._open:
            if self._is_true_now(each):
                continue
            if each.end <= position:
                self._wrong(each, "was not true when it was given")
            else:
                still.append(each)
        self._open = still

    def _is_true_now(self, answer: Answer) -> bool:
        found = _decided(answer.asked, self._state)
        if isinstance(answer.outcome, OrchestratorError):
            return str(found) == str(answer.outcome)
        attempts = held_attempts(answer.asked.command, self._state)
        return found == [] and set(attempts) == set(answer.outcome.attempts)

    def _judge_answer(self, answer: Answer) -> None:
        outcome = answer.outcome
        positions = self._events.get(answer.asked.command_id, [])
        if isinstance(outcome, Answered):
            self._judge_acknowledgement(answer, outcome, positions)
        elif positions and positions[0] <= answer.end:
            if not isinstance(outcome, OutcomeUnknownError):
                self._wrong(answer, f"but the log has it at {positions[0]}")
        elif not isinstance(
            outcome, CommandRejectedError | NotLeadingError | OutcomeUnknownError
        ):
            self._wrong(answer, "is no answer that a caller expects")

    def _judge_acknowledgement(
        self, answer: Answer, outcome: Answered, positions: list[Position]
    ) -> None:
        if outcome.position > answer.end:
            self._wrong(answer, f"but the log ended at {answer.end}")
        if positions and positions[-1] != outcome.position:
            self._wrong(answer, f"but the log has it at {positions[-1]}")
        held = [
            self._log[position - 1].recorded
            for position in positions[-len(outcome.events) :]
        ]
        if outcome.events and held != list(outcome.events):
            self._wrong(answer, "but the log has other events there")
        if not self._is_kept(answer):
            self._wrong(answer, "but the log does not say so in the end")

    def _is_kept(self, answer: Answer) -> bool:
        """Return whether what was acknowledged once is so for good."""
        command = answer.asked.command
        if isinstance(command, SubmitJob):
            return self._births[command.job_id] == 1
        if isinstance(command, ReportEnded):
            job = self._state.ended.get(command.job_id)
            return job is not None and job[0].attempt == command.attempt
        return True

    def _wrong(self, answer: Answer, why: str) -> None:
        self.violations.append(
            f"{answer.server} said {answer.outcome!r} to {answer.asked}, known "
            f"{answer.known}, end {answer.end}: {why}"
        )


def _decided(asked: Asked, state: WriterState) -> list[Event] | str:
    try:
        return decide(asked, state, version=VERSION)
    except CommandRejectedError as error:
        return str(error)
