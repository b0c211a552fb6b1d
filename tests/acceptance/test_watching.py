"""A plain NATS subscriber sees what happens to a job, and nothing that was refused."""

import json
from collections.abc import Generator
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import nats
import pytest
from nats.aio.msg import Msg

from tests.acceptance.site import Site

WHOLE_STORY = ["job.submitted", "job.assigned", "job.started", "job.completed"]


@pytest.fixture
def site(tmp_path: Path) -> Generator[Site]:
    site = Site(tmp_path, "[services.echo]")
    try:
        site.start_server()
        yield site
    finally:
        site.stop()


async def test_a_subscriber_of_the_log_sees_every_change_in_order(
    site: Site,
    tmp_path: Path,
) -> None:
    script = tmp_path / "run.sh"
    script.write_text("echo hello\n")
    seen: list[Msg] = []

    async def see(message: Msg) -> None:
        seen.append(message)

    client = await nats.connect(site.nats.url)
    await client.subscribe("log.>", cb=see)
    await client.flush()
    # Straight to the stream's subjects, with a fence that the log must refuse.
    forged = {"Nats-Expected-Last-Sequence": "999999"}
    await client.publish("jobs.echo.forged", b"{}", headers=forged)
    await client.flush()
    site.start_client("only")
    submit = partial(site.cli, "submit", "--service", "echo", "--json", "--wait")
    output = await anyio.to_thread.run_sync(submit, str(script))
    job_id = json.loads(output.splitlines()[0])["job_id"]
    await client.flush()

    told = [json.loads(message.data) for message in seen]
    positions = [int((message.headers or {})["Nats-Sequence"]) for message in seen]
    assert positions == sorted(set(positions))
    assert not any("forged" in message.subject for message in seen)
    story = [each["event"] for each in told if each["event"].get("job_id") == job_id]
    assert [event["type"] for event in story] == WHOLE_STORY
    stored = await anyio.to_thread.run_sync(site.log)
    assert positions == [position for position, _ in stored if position >= positions[0]]
    await client.close()
