"""Results for callers, and transfers for clients, over real HTTP."""

import hashlib
import io
from collections.abc import AsyncGenerator

import anyio
import httpx
import pytest

from orchestrator.files.archive_check import check_archive
from orchestrator.files.bundle import unpack_bundle
from orchestrator.files.manifest import Manifest, decode_manifest
from orchestrator.wire import MANIFEST_LENGTH
from tests.api_server import SCRIPT, Hub, bearer, eventually, running_hub
from tests.raw_http import RawConnection


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Hub]:
    async with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        await hub.join(slots=100)
        yield hub


async def started(hub: Hub) -> tuple[str, int]:
    """Return id and attempt of a job that runs."""
    job_id = (await hub.submit())["job_id"]
    return job_id, await hub.start(job_id)


async def completed(hub: Hub) -> str:
    """Return the id of a job that has completed."""
    job_id, attempt = await started(hub)
    await hub.end(job_id, attempt)
    return job_id


async def test_results_match_the_manifest_that_the_log_names(hub: Hub) -> None:
    job_id = await completed(hub)
    job = (await hub.http.get(f"/jobs/{job_id}")).json()
    archive = await hub.http.get(job["links"]["results"])
    files = await hub.http.get(job["links"]["files"])
    digest = hashlib.sha256(files.content).hexdigest()
    assert digest == job["results"]["manifest_sha256"]
    check_archive(io.BytesIO(archive.content), decode_manifest(files.content))
    expected = f'attachment; filename="{job["number"]}.zip"'
    assert archive.headers["Content-Disposition"] == expected


async def test_a_failed_job_keeps_its_results(hub: Hub) -> None:
    job_id, attempt = await started(hub)
    await hub.end(job_id, attempt, exit_code=3)
    answer = await hub.http.get(f"/jobs/{job_id}/results")
    assert answer.status_code == 200
    assert answer.content == hub.results_of(job_id)[1]


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=5-999999", 5, None),
    ],
)
async def test_a_range_is_that_part_of_the_whole(
    hub: Hub,
    wanted: str,
    start: int,
    end: int | None,
) -> None:
    path = f"/jobs/{await completed(hub)}/results"
    whole = (await hub.http.get(path)).content
    part = await hub.http.get(path, headers={"Range": wanted})
    assert part.status_code == 206
    assert part.content == whole[start:end]
    first = whole.index(part.content)
    last = first + len(part.content) - 1
    assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"


@pytest.mark.parametrize(
    "wanted", ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-"]
)
async def test_a_range_that_we_do_not_serve_is_the_whole(hub: Hub, wanted: str) -> None:
    path = f"/jobs/{await completed(hub)}/results"
    answer = await hub.http.get(path, headers={"Range": wanted})
    assert answer.status_code == 200


async def test_a_range_beyond_the_end_says_how_long_the_file_is(hub: Hub) -> None:
    path = f"/jobs/{await completed(hub)}/results"
    size = len((await hub.http.get(path)).content)
    answer = await hub.http.get(path, headers={"Range": f"bytes={size}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"


async def test_what_the_caller_has_is_not_sent_again(hub: Hub) -> None:
    path = f"/jobs/{await completed(hub)}/results"
    etag = (await hub.http.get(path)).headers["ETag"]
    known = await hub.http.get(path, headers={"If-None-Match": etag})
    other = {"Range": "bytes=0-1", "If-Range": '"another"'}
    changed = await hub.http.get(path, headers=other)
    assert (known.status_code, known.content) == (304, b"")
    assert changed.status_code == 200


async def test_results_of_a_job_that_has_not_ended_are_a_conflict_with_its_state(
    hub: Hub,
) -> None:
    job_id, _ = await started(hub)
    answer = await hub.http.get(f"/jobs/{job_id}/results")
    assert answer.status_code == 409
    assert answer.json()["state"] == "running"


async def test_a_job_that_never_ran_has_no_results(hub: Hub) -> None:
    job_id = (await hub.submit(nothing=b""))["job_id"]
    answer = await hub.http.get(f"/jobs/{job_id}/results")
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/no-results"


async def test_a_client_fetches_the_files_that_were_submitted(hub: Hub) -> None:
    job_id = (await hub.submit(**{"run.sh": SCRIPT, "in.txt": b"input"}))["job_id"]
    path = f"/transfers/{job_id}/1/inputs"
    answer = await hub.http.get(path, headers=bearer(job_id, 1))
    bundle, target = hub.directory / "inputs.zip", hub.directory / "unpacked"
    bundle.write_bytes(answer.content)
    target.mkdir()
    await anyio.to_thread.run_sync(unpack_bundle, bundle, target)
    assert (target / "run.sh").read_bytes() == SCRIPT
    assert (target / "in.txt").read_bytes() == b"input"


async def test_results_may_be_delivered_twice(hub: Hub) -> None:
    job_id, attempt = await started(hub)
    manifest, archive = hub.results_of(job_id)
    await hub.deliver(job_id, attempt, manifest, archive)
    await hub.deliver(job_id, attempt, manifest, archive)
    assert hub.stored("stage") == []


@pytest.mark.parametrize("change", ["shorter", "longer", "other"])
async def test_an_archive_that_is_not_its_manifests_is_not_kept(
    hub: Hub,
    change: str,
) -> None:
    job_id, attempt = await started(hub)
    manifest, archive = hub.results_of(job_id)
    wrong = {
        "shorter": archive[:-1],
        "longer": archive + b"x",
        "other": bytes(len(archive)),
    }[change]
    before = hub.stored("results")
    answer = await hub.put_results(job_id, attempt, manifest, wrong)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/mismatch"
    assert hub.stored("results") == before
    assert hub.stored("stage") == []


@pytest.mark.parametrize("digest", ["0" * 64, "short", "..", "0" * 63 + "G"])
async def test_a_manifest_that_is_not_the_announced_one_is_not_kept(
    hub: Hub,
    digest: str,
) -> None:
    job_id, _ = await started(hub)
    manifest, _ = hub.results_of(job_id)
    before = hub.stored("results")
    answer = await put(hub, job_id, digest, manifest.encode())
    assert answer.status_code in {404, 422}
    assert hub.stored("results") == before


async def test_a_manifest_must_be_one(hub: Hub) -> None:
    job_id, _ = await started(hub)
    body = b'{"size": "large"}'
    digest = hashlib.sha256(body).hexdigest()
    answer = await put(hub, job_id, digest, body)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("length", "status"),
    [(None, 400), ("many", 400), ("-1", 400), (str(65 << 20), 413), ("7", 422)],
)
async def test_a_manifest_is_as_long_as_its_header_says(
    hub: Hub, length: str | None, status: int
) -> None:
    job_id, _ = await started(hub)
    manifest, archive = hub.results_of(job_id)
    before = hub.stored("results")
    body = manifest.encode() + archive
    answer = await put(hub, job_id, manifest.digest(), body, length=length)
    assert answer.status_code == status
    assert hub.stored("results") == before


async def put(
    hub: Hub, job_id: str, digest: str, body: bytes, length: str | None = "whole"
) -> httpx.Response:
    """Return the answer to results of the first attempt; by default a manifest."""
    announced = str(len(body)) if length == "whole" else length
    headers = {} if announced is None else {MANIFEST_LENGTH: announced}
    path = f"/transfers/{job_id}/1/results/{digest}"
    return await hub.http.put(path, content=body, headers=bearer(job_id, 1) | headers)


async def test_a_transfer_needs_a_token_for_this_very_attempt(hub: Hub) -> None:
    job_id, attempt = await started(hub)
    path = f"/transfers/{job_id}/{attempt}/inputs"
    refused = [
        {},
        {"Authorization": "Basic eA=="},
        {"Authorization": "Bearer nonsense"},
        bearer(job_id, attempt + 1),
        bearer("another", attempt),
        bearer(job_id, attempt, seconds=-1),
    ]
    for headers in refused:
        answer = await hub.http.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["type"] == "/problems/transfer-token"


async def test_an_archive_that_breaks_off_leaves_nothing(hub: Hub) -> None:
    job_id, _ = await started(hub)
    archive = bytes(1 << 20)
    digest = hashlib.sha256(archive).hexdigest()
    manifest = Manifest(size=len(archive), sha256=digest, entries=())
    encoded = manifest.encode()
    before = hub.stored("results")
    async with RawConnection(hub.url) as raw:
        await raw.send(
            f"PUT /transfers/{job_id}/1/results/{manifest.digest()} HTTP/1.1\n"
            "Host: x\n"
            f"Authorization: {bearer(job_id, 1)['Authorization']}\n"
            "Expect: 100-continue\n"
            f"{MANIFEST_LENGTH}: {len(encoded)}\n"
            f"Content-Length: {len(encoded) + len(archive)}",
        )
        await raw.until(b"100 Continue")
        await raw.stream.send(encoded + archive[:-1])
        await eventually(lambda: hub.stored("stage") != [])
    await eventually(lambda: hub.stored("stage") == [])
    assert hub.stored("results") == before
