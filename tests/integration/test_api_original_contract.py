"""The original's contract, row by row, over real HTTP."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from tests.api_server import SCRIPT, Hub, running_hub


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Hub]:
    async with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        await hub.join(slots=100)
        yield hub


async def upload(hub: Hub, files: dict[str, bytes] | None = None, **fields: str) -> Any:
    parts: list[tuple[str, Any]] = [
        (name, (None, text)) for name, text in fields.items()
    ]
    given = {"run.sh": SCRIPT} if files is None else files
    parts += [("whatever", (name, content)) for name, content in given.items()]
    return await hub.http.post("/upload", files=parts)


def status(answer: httpx.Response) -> tuple[int, int, str]:
    """Return the HTTP status, and the id and status word of the three-key body."""
    body = answer.json()
    assert set(body) == {"id", "status", "message"}
    return answer.status_code, body["id"], body["status"]


async def accepted(hub: Hub, user: str = "1") -> tuple[int, str]:
    """Return number and id of a new job."""
    answer = await upload(hub, user_id=user, service="echo")
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    found = await hub.http.get(f"/jobs/{number}")
    return number, found.json()["job_id"]


async def test_the_root_says_pong(hub: Hub) -> None:
    answer = await hub.http.get("/")
    assert (answer.status_code, answer.json()) == (200, {"message": "pong"})


async def test_health_says_ok_for_itself_and_its_database(hub: Hub) -> None:
    answer = await hub.http.get("/health")
    assert answer.status_code == 200
    assert answer.json().items() >= {"status": "ok", "database": "ok"}.items()


async def test_an_upload_is_queued_under_a_new_number(hub: Hub) -> None:
    first = await upload(hub, user_id="1", service="echo")
    second = await upload(hub, user_id="1", service="echo")
    assert status(first) == (201, first.json()["id"], "Queued")
    assert "successfully uploaded" in first.json()["message"]
    assert second.json()["id"] == first.json()["id"] + 1


async def test_an_upload_that_can_never_run_is_queued_and_then_invalid(
    hub: Hub,
) -> None:
    answer = await upload(hub, {}, user_id="1", service="echo")
    assert status(answer)[2] == "Queued"
    looked_at = await hub.http.get(f"/download/{answer.json()['id']}")
    assert status(looked_at) == (200, answer.json()["id"], "Invalid")
    assert looked_at.json()["message"] == "missing-run-sh"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"service": "echo"}, "Missing user_id"),
        ({"user_id": "x", "service": "echo"}, "Invalid user_id"),
        ({"user_id": "2147483648", "service": "echo"}, "Invalid user_id"),
        ({"user_id": " 1", "service": "echo"}, "Invalid user_id"),
        ({"user_id": "1_0", "service": "echo"}, "Invalid user_id"),
        ({"user_id": "٣", "service": "echo"}, "Invalid user_id"),
        ({"user_id": "1"}, "Missing service"),
        ({"user_id": "1", "service": "nope"}, "Invalid service"),
        ({"user_id": "1", "service": "Echo"}, "Invalid service"),
        ({}, "Missing user_id"),
        ({"service": "nope"}, "Missing user_id"),
    ],
)
async def test_a_missing_or_impossible_field_is_named_and_nothing_is_kept(
    hub: Hub,
    fields: dict[str, str],
    message: str,
) -> None:
    before = len(hub.stored("inputs"))
    answer = await upload(hub, None, **fields)
    assert status(answer) == (400, 0, "Unknown")
    assert answer.json()["message"] == message
    assert len(hub.stored("inputs")) == before
    assert hub.stored("stage") == []


@pytest.mark.parametrize(
    ("user_id", "user"),
    [("-2147483648", "-2147483648"), ("+7", "7"), ("007", "7"), ("-0", "0")],
)
async def test_a_user_id_is_a_signed_number_however_it_is_written(
    hub: Hub,
    user_id: str,
    user: str,
) -> None:
    number, _ = await accepted(hub, user_id)
    assert (await hub.http.get(f"/jobs/{number}")).json()["user"] == user


async def test_the_last_of_a_repeated_field_counts_wherever_it_stands(hub: Hub) -> None:
    answer = await hub.http.post(
        "/upload",
        files=[
            ("service", (None, "nope")),
            ("f", ("run.sh", SCRIPT)),
            ("user_id", (None, "not a number")),
            ("user_id", (None, "9")),
            ("service", (None, "echo")),
        ],
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"this is not multipart"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="user_id"\r\n\r\n1',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--\r\n',
        ),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    hub: Hub,
    content_type: str,
    body: bytes,
) -> None:
    headers = {"Content-Type": content_type}
    answer = await hub.http.post("/upload", content=body, headers=headers)
    assert status(answer) == (400, 0, "Unknown")
    assert hub.stored("stage") == []


@pytest.mark.parametrize("route", ["download", "terminate"])
@pytest.mark.parametrize("number", ["-1", "4294967296", "abc", "1_0", "٣", "%201"])
async def test_an_id_that_is_no_unsigned_number_is_refused(
    hub: Hub,
    route: str,
    number: str,
) -> None:
    method = "GET" if route == "download" else "POST"
    answer = await hub.http.request(method, f"/{route}/{number}")
    assert status(answer) == (400, 0, "Unknown")


@pytest.mark.parametrize("route", ["download", "terminate"])
async def test_an_unknown_id_is_not_found(hub: Hub, route: str) -> None:
    method = "GET" if route == "download" else "POST"
    answer = await hub.http.request(method, f"/{route}/4294967295")
    assert status(answer) == (404, 0, "Unknown")
    assert "4294967295 not found" in answer.json()["message"]


async def test_a_completed_job_downloads_as_the_same_zip_each_time(hub: Hub) -> None:
    number, job_id = await accepted(hub)
    await hub.run(job_id)
    first = await hub.http.get(f"/download/{number}")
    # Leading zeros and a plus sign are part of the original's numbers.
    second = await hub.http.get(f"/download/+00{number}")
    assert first.status_code == second.status_code == 200
    assert first.headers["Content-Type"] == "application/zip"
    assert first.content == second.content == hub.results_of(job_id)[1]


async def test_a_job_that_has_not_completed_downloads_as_its_status(hub: Hub) -> None:
    number, job_id = await accepted(hub)
    attempt = await hub.start(job_id)
    running = await hub.http.get(f"/download/{number}")
    await hub.end(job_id, attempt, exit_code=3)
    failed = await hub.http.get(f"/download/{number}")
    assert status(running) == (200, number, "Running")
    assert running.json()["message"] == ""
    assert status(failed) == (200, number, "Failed")
    assert failed.json()["message"] == "exit code 3"


async def test_terminating_a_running_job_makes_it_killed_when_its_client_says_so(
    hub: Hub,
) -> None:
    number, job_id = await accepted(hub)
    attempt = await hub.start(job_id)
    answer = await hub.http.post(f"/terminate/{number}")
    assert answer.status_code == 200
    assert answer.json()["id"] == number
    assert "terminated" in answer.json()["message"]
    await hub.end(job_id, attempt, exit_code=143)
    looked_at = await hub.http.get(f"/download/{number}")
    assert status(looked_at) == (200, number, "Killed")


async def test_terminating_twice_is_harmless_until_the_job_has_ended(hub: Hub) -> None:
    number, job_id = await accepted(hub)
    await hub.start(job_id)
    first = await hub.http.post(f"/terminate/{number}")
    second = await hub.http.post(f"/terminate/{number}")
    assert first.status_code == second.status_code == 200


async def test_a_job_that_has_ended_cannot_be_terminated_and_keeps_its_results(
    hub: Hub,
) -> None:
    number, job_id = await accepted(hub)
    await hub.run(job_id)
    answer = await hub.http.post(f"/terminate/{number}")
    assert status(answer) == (409, number, "Completed")
    assert answer.json()["message"].startswith("could not terminate: ")
    download = await hub.http.get(f"/download/{number}")
    assert download.headers["Content-Type"] == "application/zip"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/upload", "OPTIONS, POST"),
        ("DELETE", "/download/1", "GET, HEAD, OPTIONS"),
        ("GET", "/terminate/1", "OPTIONS, POST"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_which_are_right(
    hub: Hub,
    method: str,
    path: str,
    allowed: str,
) -> None:
    answer = await hub.http.request(method, path)
    assert status(answer) == (405, 0, "Unknown")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/download/1/2", "/terminate", "/download_partial/1"])
async def test_a_path_that_is_not_there_is_not_found(hub: Hub, path: str) -> None:
    answer = await hub.http.get(path)
    assert answer.status_code == 404


async def test_every_get_answers_head_with_the_same_headers_and_no_body(
    hub: Hub,
) -> None:
    number, job_id = await accepted(hub)
    await hub.run(job_id)
    for path in ("/", "/health", f"/download/{number}", "/download/4294967295"):
        get, head = await hub.http.get(path), await hub.http.head(path)
        assert head.status_code == get.status_code
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert head.headers["Content-Length"] == get.headers["Content-Length"]
        assert head.content == b""
