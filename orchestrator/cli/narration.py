"""An event as one line that a person reads."""

import signal
from typing import assert_never

from orchestrator.domain.events import (
    AttemptLost,
    ClientEvent,
    ClientJoined,
    ClientLeft,
    ClientLost,
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
    Recorded,
    ServiceConfigured,
    ServiceEvent,
    ServiceRetired,
    Usage,
    WriterElected,
)

ENDED_STATES = frozenset({"completed", "failed", "cancelled", "invalid", "cleaned"})

_RULES = {
    "missing-run-sh": "there is no run.sh among its files",
    "not-utf8": "its run.sh is not UTF-8 text",
    "too-large": "its run.sh is over 20 MiB",
}


def sentence(recorded: Recorded[Event]) -> str:
    """Return what happened, with its time, as one line."""
    clock = recorded.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    return f"{clock}  {what(recorded.event)}"


def what(event: Event) -> str:
    """Return what happened: a state word first, then the facts."""
    match event:
        case ServiceConfigured() | ServiceRetired():
            return _service(event)
        case ClientJoined() | ClientLeft() | ClientLost() | WriterElected():
            return _part(event)
        case JobSubmitted() | JobImported():
            return _born(event)
        case JobAssigned():
            return f"assigned    attempt {event.attempt} to client {event.client_id}"
        case JobStarted():
            return f"running     attempt {event.attempt} on client {event.client_id}"
        case JobCompleted():
            return f"completed   {event.results.files} files{_used(event.usage)}"
        case JobFailed():
            ending = end(event.reason, event.exit_code, event.signal)
            return f"failed      {ending}{_used(event.usage)}"
        case AttemptLost():
            why = event.reason.replace("_", " ")
            return f"queued      again: attempt {event.attempt} was lost ({why})"
        case JobCancelRequested():
            return "cancelling  somebody asked for it"
        case JobStopRequested():
            return f"stopping    attempt {event.attempt} on client {event.client_id}"
        case JobCancelled():
            return "cancelled"
        case _:
            assert_never(event)


def _born(event: JobSubmitted | JobImported) -> str:
    if event.violation is not None:
        return f"invalid     {invalid(event.violation.rule, event.violation.line)}"
    job = f"job {event.number} of {event.user} for {event.service}"
    if isinstance(event, JobSubmitted):
        return f"queued      {job}"
    return f"{event.state:<12}{job}, imported (was {event.original_number})"


def _service(event: ServiceEvent) -> str:
    if isinstance(event, ServiceRetired):
        return f"service     {event.service} takes no new jobs"
    limits = f"{event.runs_per_user} a user, {event.max_runs} in all"
    return f"service     {event.service}: {limits} ({event.source})"


def _part(event: ClientEvent | WriterElected) -> str:
    match event:
        case ClientJoined():
            return f"client      {event.name} joined with {event.slots} slots"
        case ClientLeft():
            return f"client      {event.client_id} left"
        case ClientLost():
            silent = event.silent_ms / 1_000
            return f"client      {event.client_id} lost: silent for {silent:.1f} s"
        case WriterElected():
            return f"leader      server {event.server_id} leads"
        case _:
            assert_never(event)


def end(reason: str | None, exit_code: int | None, signal_number: int | None) -> str:
    """Return how an attempt ended badly.

    >>> end("exit_code", 3, None), end("signal", None, 9), end("spawn_failed", None, None)
    ('exit code 3', 'killed by signal 9 (SIGKILL)', 'spawn failed')
    """
    if signal_number is not None:
        return f"killed by signal {signal_number} ({_signal_name(signal_number)})"
    if exit_code is not None:
        return f"exit code {exit_code}"
    return (reason or "no reason given").replace("_", " ")


def invalid(rule: str | None, line: int | None) -> str:
    """Return why a submission can never run.

    >>> invalid("not-utf8", 3)
    'its run.sh is not UTF-8 text (line 3)'
    """
    if rule is None:
        return "the original refused it"
    why = _RULES.get(rule, f"rule {rule}")
    return why if line is None else f"{why} (line {line})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _used(usage: Usage | None) -> str:
    if usage is None:
        return ""
    memory = f", {usage.max_rss_kib / 1_024:.0f} MiB" if usage.max_rss_kib else ""
    return f", {usage.wall_ms / 1_000:.2f} s{memory}"
