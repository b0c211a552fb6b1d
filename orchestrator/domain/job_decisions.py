"""What may be asked of a job in each of its states, and what then happens."""

from typing import assert_never

from orchestrator.domain.commands import (
    CancelJob,
    FetchInputs,
    ImportJob,
    JobCommand,
    ReportEnded,
    ReportLost,
    ReportStarted,
    SubmitJob,
)
from orchestrator.domain.events import (
    AttemptLost,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobImported,
    JobStarted,
    JobSubmitted,
)
from orchestrator.domain.job import (
    Assigned,
    Ended,
    JobState,
    Queued,
    Running,
    Unknown,
    digest_of_outcome,
)
from orchestrator.errors import (
    IdempotencyConflictError,
    InvalidCommandError,
    JobEndedError,
    StaleAttemptError,
    UnknownJobError,
)


def decide(command: JobCommand, state: JobState) -> list[JobEvent]:
    """Return what happens when this is asked of a job in this state.

    Nothing means that it is already so. `SubmitJob` is answered with number 0, which
    the writer replaces (only it knows the next one), and so it does with the number
    of `ImportJob`, where that is taken.

    Raises:
        CommandRejectedError: it may not be asked now; the subclass has the facts.
    """
    match command:
        case SubmitJob():
            return _submit(command, state)
        case ImportJob():
            return _import(command, state)
        case CancelJob():
            return _cancel(command, state)
        case FetchInputs():
            _require_held(command, state)
            return []
        case ReportStarted():
            return _start(command, state)
        case ReportEnded():
            return _end(command, state)
        case ReportLost():
            return _lose(command, state)
        case _:
            assert_never(command)


def _submit(command: SubmitJob, state: JobState) -> list[JobEvent]:
    if isinstance(state, Unknown):
        return [
            JobSubmitted(
                job_id=command.job_id,
                number=0,
                service=command.service,
                user=command.user,
                bundle=command.bundle,
                body_digest=command.body_digest,
                labels=command.labels,
                violation=command.violation,
                warnings=command.warnings,
            ),
        ]
    if state.facts.body_digest != command.body_digest:
        raise IdempotencyConflictError(job_id=command.job_id)
    return []


def _import(command: ImportJob, state: JobState) -> list[JobEvent]:
    if not isinstance(state, Unknown):
        return []  # whatever has become of it since
    if command.state == "queued" and command.bundle is None:
        raise InvalidCommandError(field="bundle", why="a job that is to run has one")
    if command.state == "completed" and command.results is None:
        raise InvalidCommandError(field="results", why="a success has them")
    return [
        JobImported(
            job_id=command.job_id,
            number=command.number,
            original_number=command.number,
            service=command.service,
            user=command.user,
            state=command.state,
            created_at=command.created_at,
            reason=command.reason,
            bundle=command.bundle,
            results=command.results,
            violation=command.violation,
            warnings=command.warnings,
        ),
    ]


def _cancel(command: CancelJob, state: JobState) -> list[JobEvent]:
    match state:
        case Unknown():
            raise UnknownJobError(job=command.job_id)
        case Ended():
            raise JobEndedError(job_id=command.job_id, state=state.state)
        case Running(cancel_requested=True):
            return []
        case Running():
            service = state.facts.service
            return [JobCancelRequested(job_id=command.job_id, service=service)]
        case Queued() | Assigned():
            # Not claimed: nothing runs, and a later claim is refused.
            return [
                JobCancelled(
                    job_id=command.job_id,
                    service=state.facts.service,
                    attempt=state.attempt,
                    client_id=state.client_id if isinstance(state, Assigned) else None,
                ),
            ]
        case _:
            assert_never(state)


def _start(command: ReportStarted, state: JobState) -> list[JobEvent]:
    held = _require_held(command, state)
    if isinstance(held, Running):
        # Only the incarnation that claimed it may hear "accepted" again.
        if held.incarnation != command.incarnation:
            raise StaleAttemptError(reported=command.attempt, current=held.attempt)
        return []
    return [
        JobStarted(
            job_id=command.job_id,
            service=held.facts.service,
            client_id=command.client_id,
            attempt=command.attempt,
            incarnation=command.incarnation,
        ),
    ]


def _end(command: ReportEnded, state: JobState) -> list[JobEvent]:
    if _is_accepted_already(command, state):
        return []
    held = _require_held(command, state)
    if isinstance(held, Assigned):
        # Nothing may run unclaimed, so such a report is not from us.
        raise StaleAttemptError(reported=command.attempt, current=held.attempt)
    if held.cancel_requested:
        return [
            JobCancelled(
                job_id=command.job_id,
                service=held.facts.service,
                attempt=command.attempt,
                client_id=command.client_id,
                exit_code=command.exit_code,
                signal=command.signal,
                results=command.results,
                usage=command.usage,
            ),
        ]
    return [_ending(command, held)]


def _ending(command: ReportEnded, held: Running) -> JobCompleted | JobFailed:
    if command.exit_code == 0 and command.failure is None:
        if command.results is None:
            raise InvalidCommandError(field="results", why="a success names them")
        return JobCompleted(
            job_id=command.job_id,
            service=held.facts.service,
            client_id=command.client_id,
            attempt=command.attempt,
            results=command.results,
            usage=command.usage,
        )
    if command.exit_code is command.signal is command.failure is None:
        raise InvalidCommandError(field="exit_code", why="nothing says how it ended")
    by_itself = "signal" if command.signal is not None else "exit_code"
    return JobFailed(
        job_id=command.job_id,
        service=held.facts.service,
        client_id=command.client_id,
        attempt=command.attempt,
        reason=command.failure or by_itself,
        exit_code=command.exit_code,
        signal=command.signal,
        results=command.results,
        usage=command.usage,
    )


def _lose(command: ReportLost, state: JobState) -> list[JobEvent]:
    held = _require_held(command, state)
    if isinstance(held, Running) and held.cancel_requested:
        return [
            JobCancelled(
                job_id=command.job_id,
                service=held.facts.service,
                attempt=command.attempt,
                client_id=command.client_id,
            ),
        ]
    return [
        AttemptLost(
            job_id=command.job_id,
            service=held.facts.service,
            client_id=command.client_id,
            attempt=command.attempt,
            reason=command.reason,
        ),
    ]


def _require_held(
    command: FetchInputs | ReportStarted | ReportEnded | ReportLost,
    state: JobState,
) -> Assigned | Running:
    if isinstance(state, Unknown):
        raise UnknownJobError(job=command.job_id)
    if (
        isinstance(state, Assigned | Running)
        and state.attempt == command.attempt
        and state.client_id == command.client_id
    ):
        return state
    raise StaleAttemptError(reported=command.attempt, current=state.attempt)


def _is_accepted_already(command: ReportEnded, state: JobState) -> bool:
    return (
        isinstance(state, Ended)
        and state.attempt == command.attempt
        and state.client_id == command.client_id
        and state.outcome_digest
        == digest_of_outcome(
            command.exit_code,
            command.signal,
            command.results,
        )
    )
