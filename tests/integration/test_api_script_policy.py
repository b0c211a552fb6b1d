"""Scripts are judged when they are handed in, as each service wants it."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from orchestrator.api.authentication import OPERATOR
from orchestrator.domain.commands import ConfigureService
from orchestrator.domain.ids import ServiceName
from orchestrator.files.script_policy import ScriptPolicy
from tests.api_server import Hub, form, running_hub

HARMFUL = b"echo hi\n\tsudo id  # \xc2\xa9 \x1b[1m\nwget example.org\n"
SUDO_LINE = "sudo id  # © \ufffd[1m"
POLICIES = {
    ServiceName("warns"): ScriptPolicy(mode="warn"),
    ServiceName("off"): ScriptPolicy(mode="off"),
    ServiceName("allows"): ScriptPolicy(allow=("privilege",)),
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Hub]:
    directory = tmp_path_factory.mktemp("hub")
    async with running_hub(directory, policies=POLICIES) as hub:
        for name in POLICIES:
            await hub.ask(
                ConfigureService(
                    service=name, runs_per_user=9, max_runs=9, source="settings"
                ),
                OPERATOR,
            )
        yield hub


async def shown(hub: Hub, service: str, script: bytes = HARMFUL) -> dict[str, Any]:
    """Return a job that was just handed in."""
    parts = form({"data.nc": b"\0" * 1000, "run.sh": script}, service=service)
    answer = await hub.http.post("/jobs", files=parts)
    assert answer.status_code == 201, answer.text
    return (await hub.http.get(answer.headers["Location"])).json()


async def events(hub: Hub, job: dict[str, Any]) -> list[dict[str, Any]]:
    history = await hub.http.get(job["links"]["events"])
    return [each["event"] for each in history.json()["events"]]


async def test_a_refused_script_is_told_with_rule_line_and_snippet(hub: Hub) -> None:
    job = await shown(hub, "echo")

    assert job["state"] == "invalid"
    assert (job["reason"], job["line"]) == ("privilege.sudo", 2)
    assert job["snippet"] == SUDO_LINE
    assert job["warnings"] == []


async def test_the_log_holds_rule_and_line_and_none_of_the_script(hub: Hub) -> None:
    [submitted] = await events(hub, await shown(hub, "echo"))

    assert submitted["violation"] == {"rule": "privilege.sudo", "line": 2}
    assert "sudo id" not in str(submitted)


async def test_a_service_that_warns_queues_the_job_and_shows_the_lines(
    hub: Hub,
) -> None:
    job = await shown(hub, "warns")

    assert job["state"] == "queued"
    assert job["snippet"] is None
    assert job["warnings"] == [
        {"rule": "privilege.sudo", "line": 2, "snippet": SUDO_LINE},
        {"rule": "network.wget", "line": 3, "snippet": "wget example.org"},
    ]
    [submitted] = await events(hub, job)
    assert submitted["warnings"] == [
        {"rule": "privilege.sudo", "line": 2},
        {"rule": "network.wget", "line": 3},
    ]


async def test_a_service_that_is_off_or_allows_a_rule_looks_away(hub: Hub) -> None:
    off, allows = await shown(hub, "off"), await shown(hub, "allows")

    assert (off["state"], off["warnings"]) == ("queued", [])
    assert (allows["state"], allows["reason"]) == ("invalid", "network.wget")


async def test_what_can_never_run_is_refused_where_the_policy_is_off_too(
    hub: Hub,
) -> None:
    job = await shown(hub, "off", b"echo\n\xff\n")

    assert (job["state"], job["reason"], job["line"]) == ("invalid", "not-utf8", 2)


async def test_lists_show_rule_and_line_without_opening_bundles(hub: Hub) -> None:
    job = await shown(hub, "echo")

    listed = (await hub.http.get("/jobs", params={"limit": 1})).json()["jobs"][0]

    assert listed == {**job, "snippet": None, "queue_position": None}


async def test_a_snippet_goes_with_its_bundle(hub: Hub) -> None:
    job = await shown(hub, "echo", b"sudo id\n")
    for path in hub.stored("inputs"):
        path.unlink()

    again = (await hub.http.get(job["links"]["self"])).json()

    assert (again["line"], again["snippet"]) == (1, None)


async def test_the_original_face_tells_rule_and_line(hub: Hub) -> None:
    upload = await hub.http.post(
        "/upload",
        data={"user_id": "1", "service": "echo"},
        files={"f": ("run.sh", HARMFUL)},
    )
    assert upload.json()["status"] == "Queued"

    looked_at = await hub.http.get(f"/download/{upload.json()['id']}")

    assert looked_at.json()["status"] == "Invalid"
    assert looked_at.json()["message"] == "privilege.sudo (run.sh line 2)"


async def test_the_last_script_of_an_upload_is_the_one_that_counts(hub: Hub) -> None:
    parts = [
        *form({"run.sh": b"sudo id\n"}),
        ("file", ("run.sh", b"echo fine\n", "text/plain")),
    ]

    answer = await hub.http.post("/jobs", files=parts)

    assert answer.json()["state"] == "queued"
