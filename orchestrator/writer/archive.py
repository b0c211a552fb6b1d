"""What memory has let go, put into a command before the leader decides on it."""

from collections.abc import Callable

from msgspec import structs

from orchestrator.domain.commands import (
    ArchivedJob,
    Asked,
    CancelJob,
    FetchInputs,
    ImportJob,
    ReportEnded,
    ReportLost,
    ReportStarted,
    SubmitJob,
)
from orchestrator.domain.ids import JobId
from projections.projector import Projector


async def complete(
    asked: Asked,
    projector: Projector,
    remembers: Callable[[JobId], bool],
) -> Asked:
    """Return the command with the row of a job that has ended and left memory.

    Only whoever leads can look it up: another server may not have read that far.
    """
    match asked.command:
        case SubmitJob(is_new=True):
            return asked  # looking it up takes longer than all else
        case (
            SubmitJob()
            | ImportJob()
            | CancelJob()
            | FetchInputs()
            | ReportStarted()
            | ReportEnded()
            | ReportLost() as command
        ):
            archived = await _archived(command.job_id, projector, remembers)
            if archived is None:
                return asked
            command = structs.replace(command, archived=archived)
            return structs.replace(asked, command=command)
        case _:
            return asked


async def _archived(
    job_id: JobId,
    projector: Projector,
    remembers: Callable[[JobId], bool],
) -> ArchivedJob | None:
    while not remembers(job_id):
        flushed = projector.flushed_position
        found = await projector.read_model.archived(job_id)
        # Memory lets go only of what was flushed: else it may have done so meanwhile.
        if found is not None or projector.flushed_position == flushed:
            return found
    return None
