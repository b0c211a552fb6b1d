"""Fifty jobs of five users on two clients, with and without a crash of the server."""

import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.limits import (
    assert_no_prefix_exceeds_a_limit,
    assert_users_are_served_in_turn,
    endings,
)
from tests.acceptance.site import Site, eventually

LIMITS = """
[services.echo]
runs_per_user = 2
max_runs = 6
"""
USERS = [f"user-{number}" for number in range(5)]
RUN_SH = b"echo once >> ran; sleep 0.2; cat ran\n"
ALL = 50


@pytest.fixture
def site(tmp_path: Path) -> Generator[Site]:
    site = Site(tmp_path, LIMITS)
    try:
        site.start_server()
        yield site
    finally:
        site.stop()


def _submit_all(site: Site) -> list[str]:
    """Submit the jobs user by user, so that only fairness lets the last one in early."""
    jobs: list[str] = []
    with httpx.Client(base_url=site.url, trust_env=False, timeout=20) as client:
        for user in USERS:
            for _ in range(ALL // len(USERS)):
                job = json.dumps({"service": "echo", "user": user})
                answer = client.post(
                    "/jobs",
                    data={"job": job},
                    files={"run.sh": ("run.sh", RUN_SH)},
                )
                assert answer.status_code == httpx.codes.CREATED, answer.text
                jobs.append(answer.json()["job_id"])
    return jobs


def _in_state(site: Site, state: str) -> int:
    return len(site.get(f"/jobs?state={state}&limit=100")["jobs"])


def _answers(site: Site, jobs: list[str]) -> list[dict[str, Any]]:
    def answer(job: str) -> dict[str, Any]:
        shown = site.get(f"/jobs/{job}")
        return {"job": shown, "events": site.get(f"/jobs/{job}/events")}

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(answer, jobs))


def test_all_complete_within_the_limits_and_users_take_turns(site: Site) -> None:
    jobs = _submit_all(site)
    site.start_client("first", slots=4)
    site.start_client("second", slots=4)
    eventually(lambda: _in_state(site, "completed") == ALL, 60, "all completed")
    log = site.log()
    assert endings(log) == dict.fromkeys(jobs, 1)
    assert_no_prefix_exceeds_a_limit(log)
    assert_users_are_served_in_turn(log)


@pytest.mark.timeout(120)
def test_a_crash_of_the_server_loses_and_doubles_nothing(site: Site) -> None:
    jobs = _submit_all(site)
    site.start_client("first", slots=4)
    site.start_client("second", slots=4)
    eventually(lambda: _in_state(site, "completed") >= ALL // 4, 60, "a quarter done")
    site.kill_server()
    site.start_server()
    eventually(lambda: _in_state(site, "completed") == ALL, 60, "all completed")
    log = site.log()
    assert endings(log) == dict.fromkeys(jobs, 1)
    assert_no_prefix_exceeds_a_limit(log)
    before = _answers(site, jobs)

    site.stop_server()
    for path in site.data.glob("*.duckdb*"):
        path.unlink()
    site.start_server()
    assert _answers(site, jobs) == before
