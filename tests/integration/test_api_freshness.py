"""Read your writes: what an answer may not be older than."""

from pathlib import Path

import anyio
import httpx

from orchestrator.api.authentication import OPERATOR
from orchestrator.domain.commands import ConfigureService
from orchestrator.domain.ids import ServiceName
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


async def _submit_for_news(hub: Hub, answers: list[httpx.Response]) -> None:
    parts = form({"run.sh": SCRIPT}, service="news")
    answers.append(await hub.http.post("/jobs", files=parts))
