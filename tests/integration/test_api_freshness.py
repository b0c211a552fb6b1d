"""Read your writes: what an answer may not be older than."""

from pathlib import Path

import anyio
import httpx
import pytest

from orchestrator.api.authentication import OPERATOR
from orchestrator.domain.commands import CancelJob, ConfigureService
from orchestrator.domain.ids import ServiceName
from orchestrator.errors import LogUnreachableError
from tests.api_server import SCRIPT, Hub, eventually, form, running_hub


async def test_what_was_just_submitted_is_found_and_listed(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        for _ in range(20):
            job = await hub.submit()
            shown = await hub.http.get(f"/download/{job['number']}")
            listed = (await hub.http.get("/jobs")).json()["jobs"]
            assert shown.status_code == 200
            assert listed[0]["job_id"] == job["job_id"]


async def test_an_unknown_job_is_not_found_only_after_the_log_was_read_to_its_end(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        # The log holds one event more than this server has read: it may be the job.
        hub.log_end.claimed = hub.api.projector.position + 1
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await hub.http.get("/download/1"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await eventually(lambda: hub.log_end.asked == 1)
            assert answers == []
            await hub.submit()
        assert answers[0].json()["status"] == "Queued"


async def test_a_server_that_does_not_catch_up_says_so_and_not_that_there_is_none(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        hub.log_end.claimed = 1_000
        native = await hub.http.get("/jobs/17")
        assert native.status_code == 503
        assert native.headers["Retry-After"] == "2"
        assert native.json()["type"] == "/problems/behind"


async def test_a_read_may_ask_for_a_position(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        job = await hub.submit()
        reached = {"min_position": job["position"]}
        for path in ("/jobs", f"/jobs/{job['job_id']}", "/services", "/clients"):
            answer = await hub.http.get(path, params=reached)
            assert answer.status_code == 200
            assert int(answer.headers["Log-Position"]) >= job["position"]
        beyond = await hub.http.get("/jobs", params={"min_position": 1_000})
        assert beyond.status_code == 503
        assert beyond.headers["Retry-After"] == "2"


async def test_a_service_that_is_news_is_not_refused_as_unknown(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        hub.log_end.claimed = hub.api.projector.position + 1
        answers: list[httpx.Response] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_submit_for_news, hub, answers)
            await eventually(lambda: hub.log_end.asked == 1)
            assert answers == []
            await hub.ask(
                ConfigureService(
                    service=ServiceName("news"),
                    runs_per_user=1,
                    max_runs=1,
                    source="api",
                ),
                OPERATOR,
            )
        assert answers[0].status_code == 201


async def _get_later(hub: Hub, path: str, answers: list[httpx.Response]) -> None:
    answers.append(await hub.http.get(path))


@pytest.mark.parametrize("role", ["standing_by", "leading"])
async def test_a_live_job_is_shown_only_after_the_log_was_read_to_its_end(
    tmp_path: Path,
    role: str,
) -> None:
    async with running_hub(tmp_path) as hub:
        job = await hub.submit()
        # Not proven: a standby, or a leader after a pause.
        hub.commands.part = {"role": role, "proven": False}
        # The log holds one event more than this server has read: it may be the job's.
        hub.log_end.claimed = hub.api.projector.position + 1
        answers: list[httpx.Response] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_get_later, hub, f"/jobs/{job['job_id']}", answers)
            await eventually(lambda: hub.log_end.asked == 1)
            assert answers == []
            await hub.ask(CancelJob(job_id=job["job_id"]), OPERATOR)
        assert answers[0].json()["state"] == "cancelled"
        assert answers[0].headers["Log-Age"] == "0"


@pytest.mark.parametrize("path", ["/jobs", "/services", "/services/echo", "/clients"])
async def test_lists_on_a_standby_are_as_of_the_request_too(
    tmp_path: Path,
    path: str,
) -> None:
    async with running_hub(tmp_path) as hub:
        hub.commands.part = {"role": "standing_by", "proven": False}
        hub.log_end.claimed = hub.api.projector.position + 1
        answers: list[httpx.Response] = []
        position = 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_get_later, hub, path, answers)
            await eventually(lambda: hub.log_end.asked == 1)
            assert answers == []
            position = (await hub.submit())["position"]
        assert int(answers[0].headers["Log-Position"]) >= position


async def test_a_standby_that_does_not_catch_up_shows_no_old_job(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        job = await hub.submit()
        hub.commands.part = {"role": "standing_by", "proven": False}
        hub.log_end.claimed = 1_000
        answer = await hub.http.get(f"/jobs/{job['job_id']}")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "2"
        assert answer.json()["type"] == "/problems/behind"


async def test_a_leader_that_has_just_written_need_not_ask_the_log(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        job = await hub.submit()
        shown = await hub.http.get(f"/jobs/{job['job_id']}")
        assert shown.headers["Log-Age"] == "0"
        assert hub.log_end.asked == 0


async def test_a_leader_reads_as_far_as_it_has_answered_others(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        position = hub.api.projector.position + 1
        hub.commands.part = {"proven": True, "position": position}
        answers: list[httpx.Response] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_get_later, hub, "/jobs", answers)
            await hub.submit()
        assert int(answers[0].headers["Log-Position"]) >= position


async def test_a_job_that_has_ended_is_shown_without_asking_the_log(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        job = await hub.submit()
        await hub.ask(CancelJob(job_id=job["job_id"]), OPERATOR)
        hub.commands.part = {"role": "standing_by", "proven": False}
        hub.log_end.fails_with = LogUnreachableError(url="nats://x", why="refused")
        shown = await hub.http.get(f"/jobs/{job['job_id']}")
        assert shown.json()["state"] == "cancelled"
        assert shown.headers["Log-Age"] == "0"
        assert hub.log_end.asked == 0


@pytest.mark.parametrize("role", ["cut_off", "standing_by"])
async def test_without_the_log_reads_say_how_old_they_are(
    tmp_path: Path,
    role: str,
) -> None:
    async with running_hub(tmp_path) as hub:
        job = await hub.submit()
        hub.commands.part = {"role": role, "proven": False}
        hub.log_end.fails_with = LogUnreachableError(url="nats://x", why="refused")
        path = f"/jobs/{job['job_id']}"
        for each in (path, f"{path}/events", f"/download/{job['number']}", "/jobs"):
            answer = await hub.http.get(each)
            assert answer.status_code == 200
            assert int(answer.headers["Log-Position"]) >= job["position"]
            assert int(answer.headers["Log-Age"]) >= 1
        beyond = await hub.http.get(path, params={"min_position": 1_000})
        unknown = await hub.http.get("/jobs/no-such")
        assert (beyond.status_code, unknown.status_code) == (503, 503)


async def _submit_for_news(hub: Hub, answers: list[httpx.Response]) -> None:
    parts = form({"run.sh": SCRIPT}, service="news")
    answers.append(await hub.http.post("/jobs", files=parts))
