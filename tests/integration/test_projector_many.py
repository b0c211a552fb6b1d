"""What a server keeps of many jobs and many clients, and still finds among them."""

from pathlib import Path

from orchestrator.domain.events import ClientJoined, ClientLeft, Event
from orchestrator.domain.ids import ClientId
from projections.overlay import MOST_GONE
from projections.projector import Pace
from projections.read_models.job_rows import JobFilter
from tests.examples import CLIENT, FIRST_LIFE
from tests.unit.projections.folding import projecting
from tests.unit.projections.histories import folded, submitted

MANY = 2_500  # more live jobs than are looked through at once
PATIENT = Pace(delay_seconds=60, messages=10_000, most_in_memory=10_000)


def _submitted() -> list[Event]:
    return [
        submitted(number, user="ann" if number % 1_000 == 1 else "bob")
        for number in range(MANY)
    ]


async def test_a_job_is_found_among_very_many_that_live(tmp_path: Path) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await projector.fold(folded(_submitted()))
        model = projector.read_model
        of_ann = await model.jobs(JobFilter(user="ann"), limit=10)
        assert [view.job_id for view in of_ann] == ["job-2001", "job-1001", "job-1"]
        assert await model.jobs(JobFilter(state="completed"), limit=10) == []


async def test_pages_through_very_many_live_jobs_miss_and_repeat_none(
    tmp_path: Path,
) -> None:
    async with projecting(tmp_path / "rows", PATIENT) as projector:
        await projector.fold(folded(_submitted()))
        seen: list[str] = []
        before: int | None = None
        while page := await projector.read_model.jobs(before=before, limit=400):
            seen += [view.job_id for view in page]
            before = page[-1].submitted_position
    assert seen == [f"job-{number}" for number in reversed(range(MANY))]


async def test_of_clients_that_went_only_the_latest_stay_in_memory(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows"
    passing = [ClientId(f"passing-{number:04}") for number in range(MOST_GONE + 5)]
    events: list[Event] = [_joined(CLIENT)]
    for client in passing:
        events.append(_joined(client))
        events.append(ClientLeft(client_id=client, incarnation=FIRST_LIFE))
    expected = sorted([CLIENT, *passing[5:]])
    async with projecting(path, PATIENT) as projector:
        await projector.fold(folded(events))
        await projector.flush()
        known = [view.client_id for view in projector.read_model.clients()]
        assert known == expected
    async with projecting(path, PATIENT) as projector:
        known = [view.client_id for view in projector.read_model.clients()]
        assert known == expected


def _joined(client: ClientId) -> ClientJoined:
    return ClientJoined(
        client_id=client, incarnation=FIRST_LIFE, name="node", version="1", slots=2
    )
