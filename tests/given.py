"""Tests of one job as sentences: given events, when a command, then events."""

from orchestrator.domain.commands import JobCommand
from orchestrator.domain.events import JobEvent
from orchestrator.domain.job import JobState, Unknown, evolve
from orchestrator.domain.job_decisions import decide
from orchestrator.errors import CommandRejectedError
from tests.examples import T0


def state_after(*events: JobEvent) -> JobState:
    """Return the job's state after these events."""
    state: JobState = Unknown()
    for event in events:
        state = evolve(state, event, T0)
    return state


class _Outcome:
    def __init__(self, events: list[JobEvent], error: CommandRejectedError | None):
        self._events = events
        self._error = error

    def then(self, *expected: JobEvent) -> None:
        """Expect exactly these events; none means that it is already so."""
        assert self._error is None, f"refused: {self._error}"
        assert self._events == list(expected)

    def then_rejected(self, error: type[CommandRejectedError]) -> CommandRejectedError:
        """Expect this refusal, and return it."""
        assert isinstance(self._error, error), f"{self._error!r}, {self._events}"
        return self._error


class _Given:
    def __init__(self, state: JobState) -> None:
        self._state = state

    def when(self, command: JobCommand) -> _Outcome:
        """Ask this of the job."""
        try:
            return _Outcome(decide(command, self._state), None)
        except CommandRejectedError as error:
            return _Outcome([], error)


def given(*events: JobEvent) -> _Given:
    """Begin with a job to which this has happened."""
    return _Given(state_after(*events))
