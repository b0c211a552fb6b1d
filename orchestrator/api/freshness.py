"""Read your writes: an answer is never older than what its caller can know of."""

import re

import anyio

from orchestrator.api.injection import Api
from orchestrator.domain.ids import JobId, Position
from orchestrator.domain.principal import Principal
from orchestrator.errors import ReadModelBehindError, UnknownJobError
from projections.read_models.jobs import JobView

_READ_SECONDS = 2.0
_WRITE_SECONDS = 1.0
_NUMBER = re.compile(r"\+?0*([0-9]{1,10})", re.ASCII)
_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)
_MAX_NUMBER = 2**32 - 1


def number_in(text: str) -> int | None:
    """Return the unsigned 32-bit number that a text is, or nothing.

    >>> number_in("017"), number_in("+1"), number_in("-1"), number_in(" 7")
    (17, 1, None, None)
    >>> number_in("4294967296"), number_in("٣")
    (None, None)
    """
    found = _NUMBER.fullmatch(text)
    if found is None or int(found[1]) > _MAX_NUMBER:
        return None
    return int(found[1])


def position_in(text: str) -> Position | None:
    """Return the position that a text is, or nothing.

    >>> position_in("12345678901"), position_in("+1"), position_in("")
    (12345678901, None, None)
    """
    return int(text) if _POSITION.fullmatch(text) else None


async def fresh(api: Api, min_position: Position | None) -> Position:
    """Return a position that everything read from now on reflects.

    Raises:
        ReadModelBehindError: it does not come to `min_position` in time.
    """
    wanted = min_position or 0
    if not await api.projector.reached(wanted, _READ_SECONDS):
        raise ReadModelBehindError(wanted=wanted, reached=api.projector.position)
    return api.projector.position


async def written(api: Api, position: Position) -> None:
    """Wait a moment for the read model to reflect what was just stored."""
    await api.projector.reached(position, _WRITE_SECONDS)


async def find_job(api: Api, job: str, asker: Principal) -> JobView:
    """Return the job of this id, or of this number.

    Raises:
        UnknownJobError: nobody has it, or it is none of the asker's business.
        ReadModelBehindError: it may be in what this server has yet to read.
    """
    view = await _look_up(api, job)
    if view is None:
        await catch_up(api)
        view = await _look_up(api, job)
    if view is None or not asker.may_touch_jobs_of(view.user):
        raise UnknownJobError(job=job)
    return view


async def _look_up(api: Api, job: str) -> JobView | None:
    number = number_in(job)
    if number is not None:
        return await api.projector.read_model.job_by_number(number)
    return await api.projector.read_model.job(JobId(job))


async def catch_up(api: Api) -> None:
    """Wait until the fold has passed where the log ends now."""
    end: Position | None = None
    with anyio.move_on_after(_READ_SECONDS):
        end = await api.log_end()
        if await api.projector.reached(end, _READ_SECONDS):
            return
    raise ReadModelBehindError(wanted=end, reached=api.projector.position)
