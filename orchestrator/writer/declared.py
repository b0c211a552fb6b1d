"""Where the services of this server's settings differ from those of the log."""

from collections.abc import Sequence

from orchestrator.domain.commands import Command, ConfigureService, RetireService
from orchestrator.writer.duties import settings_due
from orchestrator.writer.state import WriterState


def differences(
    state: WriterState,
    declared: Sequence[ConfigureService],
) -> tuple[str, ...]:
    """Return what this server would change if it led, for an operator to read.

    Nothing when it declares no service: then it changes none. What was set through
    the API is not the settings' business.
    """
    if not declared:
        return ()
    found = (_difference(state, due) for due in settings_due(state, declared))
    return tuple(difference for difference in found if difference)


def _difference(state: WriterState, due: Command) -> str | None:
    if isinstance(due, RetireService):
        return f"service {due.service} is in the log but not in these settings"
    if not isinstance(due, ConfigureService):
        return None
    known = state.queue.policies.get(due.service)
    if known is not None and known.source == "api":
        return None
    if known is None or known.retired:
        return f"service {due.service} is in these settings but not in the log"
    ours = (due.runs_per_user, due.max_runs)
    theirs = (known.runs_per_user, known.max_runs)
    if ours == theirs:
        return None
    return (
        f"service {due.service}: runs_per_user and max_runs are {ours} in these "
        f"settings but {theirs} in the log"
    )
