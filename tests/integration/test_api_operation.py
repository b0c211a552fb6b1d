"""Services, clients, health and documentation, over real HTTP."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.routes import HTTPRoute

from orchestrator.api.app import create_app
from orchestrator.domain.commands import ConfigureService
from orchestrator.errors import LogUnreachableError
from tests.api_server import CLIENT, Hub, running_hub


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Hub]:
    async with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


async def test_an_operator_makes_a_service_that_then_takes_jobs(hub: Hub) -> None:
    limits = {"runs_per_user": 2, "max_runs": 6}
    put = await hub.http.put("/services/haddock", json=limits)
    assert put.status_code == 200
    assert put.headers["Log-Position"] == str(put.json()["position"])
    shown = await hub.http.get("/services/haddock")
    expected: dict[str, Any] = {**limits, "name": "haddock", "source": "api"}
    assert shown.json().items() >= expected.items()
    listed = (await hub.http.get("/services")).json()["services"]
    assert [service["name"] for service in listed] == ["echo", "haddock"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"runs_per_user": 0, "max_runs": 1}, 422, "runs_per_user"),
        ({"runs_per_user": "two", "max_runs": 1}, 400, "runs_per_user"),
        ({"runs_per_user": 2}, 400, "max_runs"),
        ({"runs_per_user": 2, "max_runs": 1, "maxruns": 1}, 400, "maxruns"),
    ],
)
async def test_impossible_limits_are_refused_by_name(
    hub: Hub,
    body: dict[str, Any],
    status: int,
    field: str,
) -> None:
    answer = await hub.http.put("/services/prodigy", json=body)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert (await hub.http.get("/services/prodigy")).status_code == 404


async def test_a_service_is_not_called_anything(hub: Hub) -> None:
    limits = {"runs_per_user": 1, "max_runs": 1}
    answer = await hub.http.put("/services/a%20b", json=limits)
    assert answer.status_code == 400
    assert answer.json()["field"] == "name"


async def test_clients_are_listed_with_what_they_offer(hub: Hub) -> None:
    await hub.join(slots=3)
    answer = await hub.http.get("/clients")
    [client] = answer.json()["clients"]
    assert client["client_id"] == CLIENT
    assert (client["status"], client["slots"]) == ("joined", 3)


async def test_a_server_that_leads_is_alive_and_ready(hub: Hub) -> None:
    live, ready = await hub.http.get("/live"), await hub.http.get("/ready")
    assert live.json() == {"status": "alive"}
    body = ready.json()
    assert (ready.status_code, body["status"]) == (200, "ready")
    assert (body["role"], body["durability"]) == ("leading", "verified")
    assert body["read_position"] >= body["term"] > 0
    assert body["free_bytes"] > 0


async def test_a_server_whose_fold_is_behind_is_alive_and_not_ready(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        hub.log_end.claimed = 1_000
        live, ready = await hub.http.get("/live"), await hub.http.get("/ready")
        assert live.status_code == 200
        assert ready.status_code == 503
        assert ready.json()["reasons"] == ["reading the log has fallen behind its end"]


async def test_a_standby_that_has_read_everything_is_ready(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        hub.commands.part = {"role": "standing_by", "proven": False}
        ready, health = await hub.http.get("/ready"), await hub.http.get("/health")
        assert (ready.status_code, health.status_code) == (200, 200)
        for body in (ready.json(), health.json()):
            assert (body["role"], body["lag"]) == ("standing_by", 0)
            assert body["term"] == 1
            assert body["position"] == hub.api.projector.position
        assert ready.json()["log_age_seconds"] < 1


async def test_a_server_that_is_cut_off_is_not_ready_and_says_how_old_it_is(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        assert (await hub.http.get("/ready")).status_code == 200
        why = "NATS is out of reach"
        hub.commands.part = {"role": "cut_off", "proven": False, "reasons": (why,)}
        hub.log_end.fails_with = LogUnreachableError(url="nats://x", why="refused")
        ready = await hub.http.get("/ready")
        assert ready.status_code == 503
        body = ready.json()
        assert why in body["reasons"]
        assert (body["lag"], body["log_position"]) == (None, None)
        assert 0 < body["log_age_seconds"] < 60


async def test_where_settings_differ_from_the_log_a_ready_server_warns(
    tmp_path: Path,
) -> None:
    limits = {"runs_per_user": 1, "max_runs": 2, "source": "settings"}
    declared = [msgspec.convert({"service": "echo", **limits}, ConfigureService)]
    for settings, warnings in ((None, 0), (declared, 1)):
        directory = tmp_path / f"{warnings}"
        directory.mkdir()
        async with running_hub(directory, declared=settings) as hub:
            ready, health = await hub.http.get("/ready"), await hub.http.get("/health")
            assert (ready.status_code, health.status_code) == (200, 200)
            for body in (ready.json(), health.json()):
                assert len(body["warnings"]) == warnings
                assert all("echo" in warning for warning in body["warnings"])


async def test_the_document_says_how_old_an_answer_may_be(hub: Hub) -> None:
    document = (await hub.http.get("/api-docs/openapi.json")).json()
    for path in ("/jobs", "/jobs/{job_id}", "/services", "/clients"):
        headers = document["paths"][path]["get"]["responses"]["200"]["headers"]
        assert {"Log-Position", "Log-Age"} <= set(headers)


async def test_the_document_describes_every_route(hub: Hub) -> None:
    answer = await hub.http.get("/api-docs/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.")
    operations = [
        operation for path in document["paths"].values() for operation in path.values()
    ]
    assert all(each["description"] and each["tags"] for each in operations)
    described = {tag["name"] for tag in document["tags"]}
    assert {tag for each in operations for tag in each["tags"]} == described
    served = {
        route.path_format
        for route in create_app(hub.api).routes
        if isinstance(route, HTTPRoute)
        and not route.path_format.startswith(("/swagger", "/api-docs"))
    }
    assert set(document["paths"]) == served


async def test_the_document_tells_what_an_upload_holds(hub: Hub) -> None:
    document = (await hub.http.get("/api-docs/openapi.json")).json()
    content = document["paths"]["/upload"]["post"]["requestBody"]["content"]
    fields = content["multipart/form-data"]["schema"]
    assert fields["required"] == ["user_id", "service"]


@pytest.mark.parametrize("path", ["/swagger", "/swagger-ui", "/swagger-ui/"])
async def test_swagger_needs_nothing_from_elsewhere(hub: Hub, path: str) -> None:
    page = await hub.http.get(path)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "://" not in page.text
    assert "SwaggerUIBundle(" in page.text
    assets = [part for part in page.text.split('"') if part.startswith("/swagger-ui/")]
    assert len(assets) == 3
    for asset in assets:
        assert (await hub.http.get(asset)).status_code == 200


async def test_only_the_files_of_the_page_are_served(hub: Hub) -> None:
    for name in ("swagger-editor.js", "..%2F__init__.py"):
        answer = await hub.http.get(f"/swagger-ui/assets/{name}")
        assert answer.status_code == 404
