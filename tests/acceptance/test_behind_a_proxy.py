"""A server that a reverse proxy shows under a path, whether it takes that off or not."""

import json
import os
import re
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.acceptance.processes import Command, started
from tests.acceptance.site import Site
from tests.fakes.reverse_proxy import proxied

ROOT_PATH = "/portal/jobs-api"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    site = Site(tmp_path_factory.mktemp("site"), "[services.echo]\n")
    text = site.config.read_text()
    site.config.write_text(
        text.replace("[server]", f'[server]\nroot_path = "{ROOT_PATH}"')
    )
    try:
        site.start_server()
        yield site
    finally:
        site.stop()


@pytest.fixture(params=[True, False], ids=["taken-off", "left-on"])
def shown_at(request: pytest.FixtureRequest, site: Site) -> Generator[str]:
    with proxied(site.port, ROOT_PATH, takes_off=request.param) as url:
        yield url


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=20, follow_redirects=True)


def test_the_documentation_is_right_as_seen_from_outside(shown_at: str) -> None:
    page = get(f"{shown_at}/swagger")
    needed = re.findall(r'(?:src|href|url: )=?"([^"]+)"', page.text)
    assert len(needed) == 4
    for link in needed:
        assert get(urljoin(shown_at, link)).status_code == 200, link
    document = get(f"{shown_at}/api-docs/openapi.json").json()
    (server,) = document["servers"]
    assert server["url"] == ROOT_PATH
    base = urljoin(shown_at, server["url"])
    assert get(f"{base}/health").json()["status"] == "ok"


def test_links_lead_back_through_the_proxy(shown_at: str) -> None:
    answer = httpx.post(
        f"{shown_at}/jobs",
        files={
            "job": (None, json.dumps({"service": "echo", "user": "ada"})),
            "file": ("run.sh", b"true\n"),
        },
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    found = get(urljoin(shown_at, answer.headers["Location"]))
    assert found.json()["job_id"] == answer.json()["job_id"]
    history = get(urljoin(shown_at, found.json()["links"]["events"]))
    assert history.json()["events"]


def test_the_originals_routes_answer_in_its_words(shown_at: str) -> None:
    assert get(shown_at).json() == {"message": "pong"}
    assert get(f"{shown_at}/").json() == {"message": "pong"}
    refused = get(f"{shown_at}/download/x")
    assert refused.status_code == 400
    assert set(refused.json()) == {"id", "status", "message"}
    assert get(f"{shown_at}/nothing").json()["type"] == "/problems/not-found"


def test_a_client_and_the_command_line_work_through_it(
    shown_at: str, site: Site, tmp_path: Path
) -> None:
    environment = {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "JOB_ORCHESTRATOR_URL": shown_at,
        "JOB_ORCHESTRATOR_CLIENT_SERVER": shown_at,
    }
    (tmp_path / "run.sh").write_text("echo hello > out.txt\n")
    run = Command(environment, cwd=tmp_path)
    client = (
        "client",
        "--config",
        str(site.config),
        "--directory",
        str(tmp_path / "c"),
    )
    with started(*client, environment=environment):
        done = run("submit", "run.sh", "--service", "echo", "--json", "--wait")
        assert done.returncode == 0, done.stderr
        number = json.loads(done.stdout.splitlines()[-1])["number"]
        fetched = run("results", str(number), "--verify")
        assert fetched.returncode == 0, fetched.stderr


def test_without_the_proxy_the_server_is_as_it_was(site: Site) -> None:
    assert get(f"{site.url}/health").json()["status"] == "ok"
    assert get(f"{site.url}{ROOT_PATH}/health").json()["status"] == "ok"
    assert get(f"{site.url}{ROOT_PATH}er/health").status_code == 404
