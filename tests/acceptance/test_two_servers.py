"""Two servers, one client: ask either, lose the leader, freeze it and let it go on."""

import threading
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Self

import httpx
import pytest

from orchestrator.domain.events import WriterElected
from tests.acceptance.limits import endings
from tests.acceptance.pair import Pair, Server
from tests.acceptance.site import eventually

# The promise is 5 seconds; a busy machine gets the time to show that all is right.
_TAKEOVER_SECONDS = 20.0
_WHOLE_STORY = ["job.submitted", "job.assigned", "job.started", "job.completed"]


@pytest.fixture
def pair(tmp_path: Path) -> Generator[Pair]:
    pair = Pair(tmp_path)
    try:
        pair.start()
        yield pair
    finally:
        pair.stop()


@pytest.mark.timeout(120)
def test_whatever_is_asked_of_one_is_so_on_the_other(pair: Pair) -> None:
    for asked, other in ((pair.first, pair.second), (pair.second, pair.first)):
        for number in range(10):
            job = asked.submit(f"echo {number}")
            assert other.job(job["job_id"])["number"] == job["number"]
            listed = other.http.get("/jobs").json()["jobs"]
            assert listed[0]["job_id"] == job["job_id"]
    _both_know_an_idempotency_key(pair)
    _a_job_can_be_cancelled_through_the_standby(pair)
    _a_job_can_be_followed_and_fetched_from_the_standby(pair)
    _refusals_are_the_same_on_both(pair)
    _a_service_is_changed_through_the_standby(pair)


def _both_know_an_idempotency_key(pair: Pair) -> None:
    key = {"Idempotency-Key": "only-once"}
    first = pair.first.submit("echo once", **key)
    assert pair.second.submit("echo once", **key)["job_id"] == first["job_id"]
    pair.second.until_job(first["job_id"], "completed")
    again = pair.second.submit("echo once", **key)
    assert (again["job_id"], again["state"]) == (first["job_id"], "completed")


def _a_job_can_be_cancelled_through_the_standby(pair: Pair) -> None:
    job = pair.first.submit("sleep 600")
    pair.second.until_job(job["job_id"], "running")
    answer = pair.second.http.post(f"/jobs/{job['job_id']}/cancel")
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    assert pair.first.job(job["job_id"])["cancel_requested"]
    pair.first.until_job(job["job_id"], "cancelled")
    refused = pair.second.http.post(f"/jobs/{job['job_id']}/cancel")
    assert refused.status_code == httpx.codes.CONFLICT
    assert refused.json()["state"] == "cancelled"


def _a_job_can_be_followed_and_fetched_from_the_standby(pair: Pair) -> None:
    job = pair.first.submit("echo followed > out.txt")
    assert pair.second.events(job["job_id"]) == _WHOLE_STORY
    assert pair.first.events(job["job_id"]) == _WHOLE_STORY
    results = [
        each.http.get(f"/jobs/{job['job_id']}/results").content
        for each in (pair.first, pair.second)
    ]
    assert results[0] == results[1]
    assert b"out.txt" in results[0]
    legacy = pair.second.http.get(f"/download/{job['number']}")
    assert legacy.content == results[0]


def _refusals_are_the_same_on_both(pair: Pair) -> None:
    for each in (pair.first, pair.second):
        unknown = each.http.post("/jobs/no-such/cancel")
        assert unknown.status_code == httpx.codes.NOT_FOUND
        job = {"job": '{"service": "no-such", "user": "ada"}'}
        files = {"run.sh": ("run.sh", b"true")}
        refused = each.http.post("/jobs", data=job, files=files)
        assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        assert refused.json()["known"] == ["echo"]


def _a_service_is_changed_through_the_standby(pair: Pair) -> None:
    limits = {"runs_per_user": 3, "max_runs": 7}
    assert pair.second.http.put("/services/prodigy", json=limits).is_success
    assert pair.first.http.get("/services/prodigy").json()["max_runs"] == 7


@pytest.mark.timeout(120)
def test_when_the_leader_is_killed_the_standby_leads_and_everything_goes_on(
    pair: Pair,
) -> None:
    jobs = [pair.first.submit("sleep 0.2")["job_id"] for _ in range(10)]
    with Submitting(pair.second) as submitting:
        eventually(lambda: len(submitting.jobs) >= 5, 30, "submissions")
        pair.first.kill()
        pair.second.until("leading", _TAKEOVER_SECONDS)
        so_far = len(submitting.jobs)
        eventually(lambda: len(submitting.jobs) >= so_far + 5, 30, "submissions go on")
    for job_id in jobs + submitting.jobs:
        pair.second.until_job(job_id, "completed", 60)
    pair.start_first()
    assert pair.first.ready()["term"] == pair.second.ready()["term"]
    for job_id in jobs:
        assert pair.first.job(job_id)["state"] == "completed"
    log = pair.log()
    assert endings(log) == dict.fromkeys(jobs + submitting.jobs, 1)


@pytest.mark.timeout(120)
def test_a_leader_that_was_frozen_and_overtaken_answers_nothing_wrong_and_follows(
    pair: Pair,
) -> None:
    key = {"Idempotency-Key": "while-frozen"}
    running = pair.first.submit("sleep 600")["job_id"]
    pair.second.until_job(running, "running")
    term = pair.first.ready()["term"]
    pair.first.pause()
    with ThreadPoolExecutor(8) as asking:
        # They reach the frozen server, which answers when it goes on.
        unknown = asking.submit(pair.first.http.get, "/jobs/no-such")
        listed = asking.submit(pair.first.http.get, "/jobs")
        pair.second.until("leading", _TAKEOVER_SECONDS)
        jobs = [pair.second.submit(f"echo {number}")["job_id"] for number in range(5)]
        once = pair.second.submit("echo once", **key)["job_id"]
        pair.second.http.post(f"/jobs/{running}/cancel").raise_for_status()
        pair.second.until_job(running, "cancelled")
        shown = asking.submit(pair.first.http.get, f"/jobs/{running}")
        again = asking.submit(pair.first.submit, "echo once", **key)
        cancelled = asking.submit(pair.first.http.post, f"/jobs/{running}/cancel")
        found = [asking.submit(pair.first.job, job_id) for job_id in jobs[:2]]
        pair.first.resume()
        _all_answers_are_right(shown, again, cancelled, running, once)
        assert [job.result()["job_id"] for job in found] == jobs[:2]
        assert unknown.result().status_code == httpx.codes.NOT_FOUND
        assert _job_ids(listed.result()) >= {*jobs, once, running}
    pair.first.until("standing_by")
    assert pair.first.ready()["term"] == pair.second.ready()["term"] > term
    for job_id in [*jobs, once]:
        pair.first.until_job(job_id, "completed")
    _each_term_follows_the_one_before(pair)


def _all_answers_are_right(
    shown: Future[httpx.Response],
    again: Future[dict[str, object]],
    cancelled: Future[httpx.Response],
    running: str,
    once: str,
) -> None:
    assert shown.result().json()["state"] == "cancelled"
    assert again.result()["job_id"] == once
    assert cancelled.result().status_code == httpx.codes.CONFLICT
    assert cancelled.result().json()["job_id"] == running


def _job_ids(answer: httpx.Response) -> set[str]:
    return {job["job_id"] for job in answer.json()["jobs"]}


def _each_term_follows_the_one_before(pair: Pair) -> None:
    elected = [
        (position, recorded.event)
        for position, recorded in pair.log()
        if isinstance(recorded.event, WriterElected)
    ]
    assert len(elected) == 2
    for (before, _), (_, event) in pairwise(elected):
        assert event.previous_term == before
    assert len({event.server_id for _, event in elected}) == 2


@pytest.mark.timeout(120)
def test_servers_that_are_cut_off_say_so_and_go_on_when_the_log_is_back(
    pair: Pair,
) -> None:
    job = pair.first.submit("sleep 600")["job_id"]
    pair.second.until_job(job, "running")
    pair.nats.kill()
    for each in (pair.first, pair.second):
        eventually(lambda: each.ready()["role"] == "cut_off", 30, "cut off")  # noqa: B023 - called at once
        assert each.http.get("/ready").status_code == httpx.codes.SERVICE_UNAVAILABLE
        shown = each.http.get(f"/jobs/{job}")
        assert (shown.status_code, shown.json()["state"]) == (200, "running")
        assert int(shown.headers["Log-Age"]) >= 1
        unknown = each.http.get("/jobs/no-such")
        assert unknown.status_code == httpx.codes.SERVICE_UNAVAILABLE
    with ThreadPoolExecutor(2) as asking:
        cancels = [
            asking.submit(each.http.post, f"/jobs/{job}/cancel")
            for each in (pair.first, pair.second)
        ]
        for cancel in cancels:
            answer = cancel.result()
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert answer.headers["Retry-After"]
    pair.nats.start()
    eventually(lambda: _roles(pair) == ["leading", "standing_by"], 60, "one leads")
    pair.second.http.post(f"/jobs/{job}/cancel").raise_for_status()
    pair.first.until_job(job, "cancelled")


def _roles(pair: Pair) -> list[str]:
    said = [each.ready() for each in (pair.first, pair.second)]
    return sorted(body["role"] for body in said if body.get("status") == "ready")


class Submitting:
    """Submits one job after the other to a server, in a thread of its own."""

    def __init__(self, server: Server) -> None:
        self.jobs: list[str] = []
        self._server = server
        self._over = threading.Event()
        self._executor = ThreadPoolExecutor(1)
        self._work: Future[None] | None = None

    def __enter__(self) -> Self:
        self._work = self._executor.submit(self._submit)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._executor.shutdown()
        if self._work is not None:
            self._work.result()

    def _submit(self) -> None:
        while not self._over.is_set():
            self.jobs.append(self._server.submit("true")["job_id"])
            self._over.wait(0.02)
