"""What the log gives to a client, as its answers to `join` and `sync` say it."""

from orchestrator.domain.commands import Command, JoinClient, SyncClient
from orchestrator.domain.job import Running
from orchestrator.wire import HeldAttempt
from orchestrator.writer.state import WriterState


def held_attempts(command: Command, state: WriterState) -> tuple[HeldAttempt, ...]:
    """Return the attempts of the client that joins or syncs; else nothing."""
    if not isinstance(command, JoinClient | SyncClient):
        return ()
    held = state.clients.held_by(command.client_id)
    return tuple(
        HeldAttempt(
            job_id=job_id,
            attempt=attempt,
            started=isinstance(job := state.live[job_id], Running),
            stop_requested=isinstance(job, Running) and job.cancel_requested,
        )
        for job_id, attempt in held.items()
    )
