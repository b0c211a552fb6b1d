"""Read your writes: an answer is never older than what its caller can know of."""

import math
import re

import anyio
from msgspec import Struct

from orchestrator.api.injection import Api
from orchestrator.domain.ids import JobId, Position
from orchestrator.domain.principal import Principal
from orchestrator.errors import LogError, ReadModelBehindError, UnknownJobError
from projections.read_models.jobs import JobView

_READ_SECONDS = 2.0
_END_SECONDS = 1.0
_WRITE_SECONDS = 1.0
_LONGEST_AGE_SECONDS = 10**9  # it never had
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


class AsOf(Struct, frozen=True, kw_only=True):
    """How far into the log an answer goes, and how old it may be."""

    position: Position
    age_seconds: float = 0.0  # 0: all that was answered before the request is in it

    def headers(self) -> dict[str, str]:
        """Return what says so in a response."""
        # Rounded up: 0 promises that nothing is missing.
        age = math.ceil(min(self.age_seconds, _LONGEST_AGE_SECONDS))
        return {"Log-Position": str(self.position), "Log-Age": str(age)}


async def fresh(api: Api, min_position: Position | None = None) -> AsOf:
    """Return what everything read from now on reflects, at least.

    Where the log is out of reach, that is what this server has, with its age.

    Raises:
        ReadModelBehindError: it does not come so far in time.
    """
    end = await _end_for_reading(api)
    wanted = max(min_position or 0, end or 0)
    if not await api.projector.reached(wanted, _READ_SECONDS):
        raise ReadModelBehindError(wanted=wanted, reached=api.projector.position)
    age_seconds = api.log_age_seconds() if end is None else 0.0
    return AsOf(position=api.projector.position, age_seconds=age_seconds)


async def _end_for_reading(api: Api) -> Position | None:
    """Return a position behind which nothing lies that anybody was answered.

    Nothing where the log is out of reach.
    """
    leadership = api.commands.leadership()
    if leadership.role == "cut_off":
        return None
    if leadership.proven:
        return leadership.position
    with anyio.move_on_after(_END_SECONDS):
        try:
            return await api.log_end()
        except LogError:
            return None
    return None


async def written(api: Api, position: Position) -> None:
    """Wait a moment for the read model to reflect what was just stored."""
    await api.projector.reached(position, _WRITE_SECONDS)


async def read_job(
    api: Api,
    job: str,
    asker: Principal,
    min_position: Position | None = None,
) -> tuple[JobView, AsOf]:
    """Return the job of this id or number, and as of when it is like that.

    Raises:
        UnknownJobError: nobody has it, or it is none of the asker's business.
        ReadModelBehindError: this server has not read as far as it must.
    """
    view = await _look_up(api, job)
    if view is not None and view.ended and not min_position:
        _require_visible(job, view, asker)
        # Nothing happens to it any more.
        return view, AsOf(position=max(api.projector.position, view.position))
    as_of = await fresh(api, min_position)
    return await find_job(api, job, asker), as_of


async def find_job(api: Api, job: str, asker: Principal) -> JobView:
    """Return the job of this id or number; its state may be a little old.

    Raises:
        UnknownJobError: nobody has it, or it is none of the asker's business.
        ReadModelBehindError: it may be in what this server has yet to read.
    """
    view = await _look_up(api, job)
    if view is None:
        await catch_up(api)
        view = await _look_up(api, job)
    return _require_visible(job, view, asker)


def _require_visible(job: str, view: JobView | None, asker: Principal) -> JobView:
    if view is None or not asker.may_touch_jobs_of(view.user):
        raise UnknownJobError(job=job)
    return view


async def _look_up(api: Api, job: str) -> JobView | None:
    number = number_in(job)
    if number is not None:
        return await api.projector.read_model.job_by_number(number)
    return await api.projector.read_model.job(JobId(job))


async def catch_up(api: Api) -> None:
    """Wait until the fold has passed where the log ends now.

    Raises:
        ReadModelBehindError: it does not in time, or nobody knows the end.
    """
    end: Position | None = None
    with anyio.move_on_after(_READ_SECONDS):
        end = await api.log_end()
        if await api.projector.reached(end, _READ_SECONDS):
            return
    raise ReadModelBehindError(wanted=end, reached=api.projector.position)
