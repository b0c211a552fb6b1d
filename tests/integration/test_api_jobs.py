"""The native routes for jobs, over real HTTP."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import httpx
import pytest

from orchestrator.errors import OrchestratorError, OutcomeUnknownError
from tests.api_server import SCRIPT, Hub, form, running_hub

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Hub]:
    async with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


async def post(
    hub: Hub,
    key: str | None = None,
    script: bytes = SCRIPT,
    **job: Any,
) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    parts = form({"run.sh": script}, **job)
    return await hub.http.post("/jobs", files=parts, headers=headers)


def problem(answer: httpx.Response) -> dict[str, Any]:
    """Return the problem that an answer is."""
    assert answer.headers["Content-Type"] == PROBLEM, answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"].startswith("/problems/")
    assert body["title"]
    assert body["detail"]
    return body


async def test_a_submission_says_where_the_job_and_its_event_are(hub: Hub) -> None:
    answer = await post(hub, user="ada", labels=["model-7"])
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/jobs/{body['job_id']}"
    assert answer.headers["Log-Position"] == str(body["position"])
    assert body["state"] == "queued"
    shown = (await hub.http.get(answer.headers["Location"])).json()
    assert shown["number"] == body["number"]
    assert (shown["user"], shown["service"]) == ("ada", "echo")
    assert shown["labels"] == ["model-7"]
    assert shown["queue_position"] == 1
    assert shown["position"] == body["position"]
    assert datetime.fromisoformat(shown["submitted_at"]).tzinfo is not None


async def test_a_job_is_found_by_its_number_too(hub: Hub) -> None:
    body = (await post(hub)).json()
    answer = await hub.http.get(f"/jobs/{body['number']}")
    assert answer.json()["job_id"] == body["job_id"]


async def test_a_submission_without_a_script_is_invalid_with_its_rule(hub: Hub) -> None:
    answer = await hub.http.post("/jobs", files=form({"data.txt": b"1"}))
    assert answer.json()["state"] == "invalid"
    shown = (await hub.http.get(answer.headers["Location"])).json()
    assert (shown["state"], shown["reason"]) == ("invalid", "missing-run-sh")


async def test_the_same_key_and_body_name_the_same_job_and_keep_one_bundle(
    hub: Hub,
) -> None:
    before = len(hub.stored("inputs"))
    first, second = await post(hub, "key-1"), await post(hub, "key-1")
    assert first.status_code == second.status_code == 201
    assert first.json()["job_id"] == second.json()["job_id"]
    assert first.json()["number"] == second.json()["number"]
    assert len(hub.stored("inputs")) == before + 1


async def test_the_same_key_with_another_body_is_a_conflict(hub: Hub) -> None:
    await post(hub, "key-2")
    before = len(hub.stored("inputs"))
    answer = await post(hub, "key-2", script=b"echo something else\n")
    assert answer.status_code == 422
    assert problem(answer)["type"] == "/problems/idempotency-conflict"
    assert len(hub.stored("inputs")) == before


async def test_a_key_belongs_to_its_user(hub: Hub) -> None:
    ada, bob = (
        await post(hub, "key-3", user="ada"),
        await post(hub, "key-3", user="bob"),
    )
    assert ada.json()["job_id"] != bob.json()["job_id"]


async def test_a_key_still_names_its_job_after_that_has_ended(hub: Hub) -> None:
    first = (await post(hub, "key-4")).json()
    await hub.http.post(f"/jobs/{first['job_id']}/cancel")
    again = (await post(hub, "key-4")).json()
    assert again["job_id"] == first["job_id"]
    assert again["state"] == "cancelled"
    assert (await post(hub, "key-4", script=b"other\n")).status_code == 422


async def test_a_submission_in_doubt_may_be_sent_again_under_its_key(hub: Hub) -> None:
    hub.commands.fails_after = OutcomeUnknownError()
    doubtful = await post(hub, "key-5")
    hub.commands.fails_after = None
    assert doubtful.status_code == 503
    assert doubtful.headers["Retry-After"] == "2"
    assert "Idempotency-Key" in problem(doubtful)["detail"]
    again = await post(hub, "key-5")
    assert again.status_code == 201
    listed = (await hub.http.get("/jobs", params={"limit": 100})).json()["jobs"]
    assert [job["job_id"] for job in listed].count(again.json()["job_id"]) == 1


@pytest.mark.parametrize(
    ("job", "field"),
    [
        ({"service": 7}, "job.service"),
        ({"user": ""}, "job.user"),
        ({"labels": ["has space"]}, "job.labels[0]"),
        ({"lables": []}, "job.lables"),
        ({"user": None}, "job.user"),
    ],
)
async def test_a_wrong_field_of_the_job_part_is_named(
    hub: Hub,
    job: dict[str, Any],
    field: str,
) -> None:
    answer = await post(hub, **job)
    assert answer.status_code == 400
    assert problem(answer)["field"] == field


async def test_a_form_without_its_job_part_or_with_a_broken_one_is_refused(
    hub: Hub,
) -> None:
    files = [("f", ("run.sh", SCRIPT))]
    missing = await hub.http.post("/jobs", files=files)
    broken = await hub.http.post("/jobs", files=[("job", (None, "{")), *files])
    assert problem(missing)["field"] == problem(broken)["field"] == "job"
    assert missing.status_code == broken.status_code == 400
    assert hub.stored("stage") == []


async def test_an_unknown_service_is_told_with_the_known_ones(hub: Hub) -> None:
    before = len(hub.stored("inputs"))
    answer = await post(hub, service="nope")
    assert answer.status_code == 422
    body = problem(answer)
    assert body["type"] == "/problems/unknown-service"
    assert "echo" in body["known"]
    assert len(hub.stored("inputs")) == before


async def test_a_body_that_is_no_form_is_a_problem(hub: Hub) -> None:
    answer = await hub.http.post("/jobs", json={"service": "echo"})
    assert answer.status_code == 400
    assert problem(answer)["type"] == "/problems/malformed-body"


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_a_key_that_is_no_short_printable_text_is_refused(
    hub: Hub,
    key: str,
) -> None:
    answer = await post(hub, key)
    assert answer.status_code == 400
    assert problem(answer)["field"] == "Idempotency-Key"


async def test_pages_of_the_list_hold_every_job_once_newest_first(hub: Hub) -> None:
    made = [(await post(hub, user="pager")).json()["number"] for _ in range(5)]
    query: dict[str, Any] = {"user": "pager", "limit": 2}
    found: list[int] = []
    while True:
        page = (await hub.http.get("/jobs", params=query)).json()
        found += [job["number"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == made[::-1]


async def test_the_list_is_filtered_by_what_is_asked(hub: Hub) -> None:
    marked = (await post(hub, user="finder", labels=["special"])).json()
    other = (await post(hub, user="finder")).json()
    await hub.http.post(f"/jobs/{other['job_id']}/cancel")

    async def listed(**query: str) -> list[str]:
        answer = await hub.http.get("/jobs", params={"user": "finder", **query})
        return [job["job_id"] for job in answer.json()["jobs"]]

    born = (await hub.http.get(f"/jobs/{other['number']}")).json()["submitted_at"]
    assert await listed(label="special") == [marked["job_id"]]
    assert await listed(state="cancelled") == [other["job_id"]]
    assert await listed(service="nope") == []
    assert await listed(since=born) == [other["job_id"]]
    assert await listed(until=born) == [marked["job_id"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"state": "asleep"}, "state"),
        ({"cursor": "x"}, "cursor"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-01-01T00:00:00"}, "until"),
        ({"min_position": "-1"}, "min_position"),
    ],
)
async def test_a_wrong_filter_is_named(
    hub: Hub,
    query: dict[str, str],
    field: str,
) -> None:
    answer = await hub.http.get("/jobs", params=query)
    assert answer.status_code == 400
    assert problem(answer)["field"] == field


async def test_cancelling_a_waiting_job_ends_it_and_a_second_time_is_a_conflict(
    hub: Hub,
) -> None:
    job_id = (await post(hub)).json()["job_id"]
    first = await hub.http.post(f"/jobs/{job_id}/cancel")
    second = await hub.http.post(f"/jobs/{job_id}/cancel")
    assert first.status_code == 202
    assert first.json()["state"] == "cancelled"
    assert first.headers["Log-Position"] == str(first.json()["position"])
    assert second.status_code == 409
    assert problem(second)["state"] == "cancelled"


@pytest.mark.parametrize("path", ["", "/events", "/results", "/files", "/cancel"])
async def test_an_unknown_job_is_a_problem_everywhere(hub: Hub, path: str) -> None:
    method = "POST" if path == "/cancel" else "GET"
    answer = await hub.http.request(method, f"/jobs/{'a' * 26}{path}")
    assert answer.status_code == 404
    assert problem(answer)["type"] == "/problems/unknown-job"


async def test_routing_errors_are_problems_too(hub: Hub) -> None:
    unknown = await hub.http.get("/nonsense")
    wrong = await hub.http.delete("/jobs")
    assert problem(unknown)["type"] == "/problems/not-found"
    assert problem(wrong)["type"] == "/problems/method-not-allowed"
    assert wrong.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_what_nobody_foresaw_is_a_problem_without_its_inside(hub: Hub) -> None:
    hub.commands.fails_before = OrchestratorError("inside")
    answer = await post(hub)
    hub.commands.fails_before = None
    assert answer.status_code == 500
    assert problem(answer)["request_id"]
    assert "inside" not in answer.text
