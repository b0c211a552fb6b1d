"""A site that runs for long, and one that is crowded: nothing grows, nobody waits."""

import json
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance import crowd, soak
from tests.acceptance.crowd import Crowd, deaf_follower, deaf_watchers, endure
from tests.acceptance.footprint import footprint_of
from tests.acceptance.site import Site, eventually
from tests.acceptance.soak import broken_bounds, digests

MANY = 1_000
# The whole measure is the module's own; here everything else runs beside it.
FEW = Crowd(watchers=500, uploads=8, upload_mib=4)
MOST_MIB = 150
STOP_SECONDS = 10


@pytest.fixture
def site(tmp_path: Path) -> Generator[Site]:
    site = Site(tmp_path, soak.SERVICES + crowd.SERVICES)
    try:
        site.start_server()
        yield site
    finally:
        site.stop()


@pytest.mark.timeout(300)
def test_many_jobs_leave_nothing_behind_and_the_log_is_the_state(site: Site) -> None:
    soaked = soak.soak(site, MANY, every=MANY // 10)
    assert broken_bounds(soaked, settled_after=MANY // 4) == []


def test_a_server_that_starts_from_a_snapshot_comes_to_the_same_state(
    site: Site, tmp_path: Path
) -> None:
    script = tmp_path / "run.sh"
    script.write_text("echo done\n")
    submit = ("submit", "--service", "soak", "--json", "--wait", str(script))
    site.start_client("only")
    site.cli(*submit)
    site.stop_server()
    kept = list(site.data.glob("*.snapshot-*"))
    site.start_server()
    site.cli(*submit)
    site.stop_server()

    found = digests(site, site.log())
    assert len(found) == 2
    assert all(said == folded for said, folded in found.values())
    assert {int(path.name.rpartition("-")[2]) for path in kept} == {min(found)}


@pytest.mark.timeout(120)
def test_a_crowd_keeps_nobody_waiting_and_costs_little_memory(site: Site) -> None:
    site.start_client("only")
    felt = endure(site, FEW)
    # Generous: on a busy machine this tells an hour from a moment, no more.
    assert felt.crowded.p99_ms < 10_000
    assert felt.submissions.count > 0
    assert felt.peak_mib < felt.before_mib + MOST_MIB
    assert felt.nats_peak_mib < felt.nats_before_mib + MOST_MIB


def test_a_server_with_500_open_event_streams_stops_cleanly(site: Site) -> None:
    job = _queued_job(site)
    with deaf_follower(site.nats.url), deaf_watchers(site.url, job, 500):
        assert footprint_of(site.server_pid).descriptors > 500
        begun = time.monotonic()
        assert site.stop_server() == 0
        assert time.monotonic() - begun < STOP_SECONDS


def test_event_streams_that_were_left_cost_the_server_nothing(site: Site) -> None:
    job = _queued_job(site)
    before = footprint_of(site.server_pid).descriptors
    with deaf_watchers(site.url, job, 100):
        assert footprint_of(site.server_pid).descriptors >= before + 100
    eventually(
        lambda: footprint_of(site.server_pid).descriptors <= before,
        20,
        "the descriptors are back",
    )


def _queued_job(site: Site) -> str:
    script = site.directory / "run.sh"
    script.write_text("echo done\n")
    output = site.cli("submit", "--service", "soak", "--json", str(script))
    return str(json.loads(output.splitlines()[0])["job_id"])
