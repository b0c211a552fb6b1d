"""Taking over jobs of the original, over real HTTP."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from orchestrator.files.foreign_archive import describe_archive
from orchestrator.wire import MANIFEST_LENGTH
from tests.api_server import SCRIPT, Hub, running_hub


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Hub]:
    async with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


async def bring(hub: Hub, files: dict[str, bytes] | None = None, **job: Any) -> Any:
    """Return the answer to an import."""
    wanted = {"service": "echo", "user": "7", "state": "failed"} | job
    parts: list[tuple[str, Any]] = [("job", (None, json.dumps(wanted)))]
    parts += [("files", (name, body)) for name, body in (files or {}).items()]
    return await hub.http.post("/imports", files=parts)


def made_by_the_original(directory: Path) -> Path:
    path = directory / "output.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("run.sh", SCRIPT)
        archive.writestr("out.txt", "42\n")
    return path


async def test_results_are_awaited_first_and_then_downloaded_as_they_were(
    hub: Hub, tmp_path: Path
) -> None:
    path = made_by_the_original(tmp_path)
    manifest = describe_archive(path)
    results = {
        "manifest_sha256": manifest.digest(),
        "size": manifest.size,
        "files": len(manifest.entries),
    }
    created_at = "2026-01-02T03:04:05Z"
    job: dict[str, Any] = {"origin": "a", "number": 70, "results": results}
    job |= {"created_at": created_at, "state": "completed"}

    first = await bring(hub, **job)
    assert first.status_code == 202, first.text
    body: dict[str, str] = first.json()
    assert (await hub.http.get("/download/70")).status_code == 404
    put = await hub.http.put(
        f"/transfers/{body['job_id']}/1/results/{manifest.digest()}",
        content=manifest.encode() + path.read_bytes(),
        headers={
            "Authorization": f"Bearer {body['token']}",
            MANIFEST_LENGTH: str(len(manifest.encode())),
        },
    )
    assert put.status_code == 200, put.text
    second = await bring(hub, **job)

    assert second.status_code == 201, second.text
    assert (second.json()["number"], second.json()["imported"]) == (70, True)
    token = {"Authorization": f"Bearer {body['token']}"}
    inputs = await hub.http.get(f"/transfers/{body['job_id']}/1/inputs", headers=token)
    assert inputs.status_code == 404  # they are in its results
    downloaded = await hub.http.get("/download/70")
    assert downloaded.content == path.read_bytes()
    shown = (await hub.http.get("/jobs/70")).json()
    assert (shown["state"], shown["original_number"]) == ("completed", 70)
    assert shown["submitted_at"] == created_at


async def test_a_second_import_answers_as_the_first_and_adds_no_event(hub: Hub) -> None:
    first = await bring(hub, origin="b", number=71)
    end = hub.api.projector.position
    second = await bring(hub, origin="b", number=71, state="cancelled")

    assert (first.json()["imported"], second.json()["imported"]) == (True, False)
    assert second.json()["state"] == "failed"
    assert hub.api.projector.position == end


async def test_a_job_that_is_to_run_keeps_number_and_files(hub: Hub) -> None:
    answer = await bring(
        hub, {"run.sh": SCRIPT, "data": b"x"}, origin="c", number=72, state="queued"
    )
    assert answer.json()["state"] == "queued"

    job_id = answer.json()["job_id"]
    await hub.join()
    manifest = await hub.run(job_id)

    downloaded = await hub.http.get("/download/72")
    assert len(downloaded.content) == manifest.size


async def test_a_job_that_can_never_run_is_invalid(hub: Hub) -> None:
    answer = await bring(hub, origin="d", number=73, state="queued")
    assert answer.json()["state"] == "invalid"
    looked_at = (await hub.http.get("/download/73")).json()
    assert (looked_at["status"], looked_at["message"]) == ("Invalid", "missing-run-sh")


async def test_a_taken_number_is_replaced_and_the_new_one_is_told(hub: Hub) -> None:
    taken = (await hub.submit())["number"]
    answer = await bring(hub, origin="e", number=taken)
    assert answer.json()["number"] == taken + 1
    shown = (await hub.http.get(f"/jobs/{taken + 1}")).json()
    assert shown["original_number"] == taken


@pytest.mark.parametrize(
    ("state", "reason", "word", "message"),
    [
        ("failed", None, "Failed", ""),
        ("failed", "imported_unfinished", "Failed", "imported unfinished"),
        ("cancelled", None, "Killed", ""),
        ("invalid", None, "Invalid", ""),
        ("cleaned", None, "Cleaned", ""),
        ("cleaned", "results_missing", "Cleaned", "results missing"),
    ],
)
async def test_a_portal_sees_the_word_that_it_knew(
    hub: Hub, state: str, reason: str | None, word: str, message: str
) -> None:
    origin = f"{state} {reason}"
    answer = await bring(hub, origin=origin, number=500, state=state, reason=reason)
    number = answer.json()["number"]
    looked_at = await hub.http.get(f"/download/{number}")
    assert looked_at.status_code == 200
    assert looked_at.json() == {"id": number, "status": word, "message": message}
    terminated = await hub.http.post(f"/terminate/{number}")
    assert terminated.status_code == 409


@pytest.mark.parametrize(
    ("job", "status", "field"),
    [
        ({}, 400, "job.origin"),
        ({"origin": "z", "number": 0}, 422, "number"),
        ({"origin": "z", "number": 1, "state": "gone"}, 400, "job.state"),
        ({"origin": "z", "number": 1, "user": ""}, 422, "user"),
        ({"origin": "z", "number": 1, "state": "completed"}, 422, "results"),
        ({"origin": "z", "number": 1, "more": 1}, 400, "job.more"),
        (
            {
                "origin": "z",
                "number": 1,
                "results": {"manifest_sha256": "../x", "size": 1, "files": 1},
            },
            400,
            "job.results.manifest_sha256",
        ),
        ({"origin": "z", "number": 1, "created_at": "2026-01-02"}, 400, None),
    ],
)
async def test_what_cannot_be_is_refused_by_name_and_leaves_nothing(
    hub: Hub, job: dict[str, Any], status: int, field: str | None
) -> None:
    before = hub.api.projector.position, len(hub.stored(""))
    answer = await bring(hub, **job)
    assert answer.status_code == status, answer.text
    assert field is None or answer.json()["field"] == field
    assert (hub.api.projector.position, len(hub.stored(""))) == before


async def test_a_job_to_run_of_an_unknown_service_is_refused(hub: Hub) -> None:
    before = len(hub.stored(""))
    answer: httpx.Response = await bring(
        hub, {"run.sh": SCRIPT}, origin="y", number=1, state="queued", service="gone"
    )
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/unknown-service"
    assert len(hub.stored("")) == before
