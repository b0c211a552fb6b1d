"""A job's events, as a list and as a stream, over real HTTP."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from orchestrator import codec
from orchestrator.api.event_stream import stream_events
from orchestrator.domain.ids import JobId
from tests.api_server import Hub, running_hub
from tests.raw_http import RawConnection

STREAM = {"Accept": "text/event-stream"}
LIFE_OF_A_JOB = ["job.submitted", "job.assigned", "job.started", "job.completed"]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Hub]:
    async with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        await hub.join(slots=100)
        yield hub


type Sent = tuple[int, str, str]


@asynccontextmanager
async def following(
    hub: Hub,
    job_id: str,
    **headers: str,
) -> AsyncGenerator[AsyncGenerator[Sent]]:
    """Yield the events of a stream as (id, event, data)."""
    path = f"/jobs/{job_id}/events"
    async with (
        hub.http.stream("GET", path, headers={**STREAM, **headers}) as answer,
        aclosing(_events(answer)) as events,
    ):
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield events


async def _events(answer: httpx.Response) -> AsyncGenerator[Sent]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "data" in fields:
            yield int(fields["id"]), fields["event"], fields["data"]
            fields = {}


async def test_the_history_of_a_job_is_a_list(hub: Hub) -> None:
    job_id = (await hub.submit())["job_id"]
    await hub.run(job_id)
    answer = await hub.http.get(f"/jobs/{job_id}/events")
    events: list[Any] = answer.json()["events"]
    assert [each["event"]["type"] for each in events] == LIFE_OF_A_JOB
    positions = [each["position"] for each in events]
    assert positions == sorted(positions)
    assert int(answer.headers["Log-Position"]) >= positions[-1]


async def test_a_stream_shows_events_as_they_happen_and_ends_with_the_job(
    hub: Hub,
) -> None:
    job_id = (await hub.submit())["job_id"]
    async with following(hub, job_id) as events:
        assert (await anext(events))[1] == "job.submitted"
        await hub.run(job_id)
        with anyio.fail_after(10):
            rest = [sent async for sent in events]
    assert [event for _, event, _ in rest] == LIFE_OF_A_JOB[1:]
    for position, event, data in rest:
        recorded = codec.decode(data.encode(), position=position)
        assert type(recorded.event).__struct_config__.tag == event


async def test_a_stream_resumes_after_the_last_event_that_was_seen(hub: Hub) -> None:
    job_id = (await hub.submit())["job_id"]
    await hub.run(job_id)
    async with following(hub, job_id) as events:
        whole = [sent async for sent in events]
    resume = {"Last-Event-ID": str(whole[1][0])}
    async with following(hub, job_id, **resume) as events:
        assert [sent async for sent in events] == whole[2:]


async def test_a_job_that_was_invalid_from_the_start_streams_one_event(
    hub: Hub,
) -> None:
    job_id = (await hub.submit(nothing=b""))["job_id"]
    async with following(hub, job_id) as events:
        assert [event async for _, event, _ in events] == ["job.submitted"]


async def test_a_last_event_id_that_is_no_position_is_refused(hub: Hub) -> None:
    job_id = (await hub.submit())["job_id"]
    headers = {**STREAM, "Last-Event-ID": "x"}
    answer = await hub.http.get(f"/jobs/{job_id}/events", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["field"] == "Last-Event-ID"


async def test_a_silent_stream_says_that_it_is_still_there_and_misses_nothing(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        job_id = (await hub.submit())["job_id"]
        stream = stream_events(
            hub.api,
            JobId(job_id),
            after=0,
            keep_alive_seconds=0.02,
        )
        async with aclosing(stream):
            assert b"job.submitted" in await anext(stream)
            assert (await anext(stream)).startswith(b": ")
            assert (await anext(stream)).startswith(b": ")
            await hub.http.post(f"/jobs/{job_id}/cancel")
            rest = [chunk async for chunk in stream]
        assert [b"job.cancelled" in chunk for chunk in rest][-1]
        assert sum(not chunk.startswith(b": ") for chunk in rest) == 1


async def test_a_server_that_stops_ends_open_streams_at_once(tmp_path: Path) -> None:
    with anyio.fail_after(5):
        async with running_hub(tmp_path) as hub, RawConnection(hub.url) as raw:
            job_id = (await hub.submit())["job_id"]
            await raw.send(
                f"GET /jobs/{job_id}/events HTTP/1.1\n"
                "Host: x\n"
                "Accept: text/event-stream",
            )
            await raw.until(b"job.submitted")
            hub.api.stop.set()
            received = await raw.until_closed()
            # The last chunk of a chunked body: ended, not broken off.
            assert received.endswith(b"0\r\n\r\n")
