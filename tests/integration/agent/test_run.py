"""The agent runs jobs: a real hub, real transfers, real processes."""

from pathlib import Path

import pytest
from msgspec import structs

from clients.agent import AgentSettings
from orchestrator.wire import Fetch, Sync
from tests.fakes.hub_rules import key
from tests.fakes.nats_hub import NatsHub
from tests.fakes.transfer_server import TransferServer
from tests.integration.agent.bench import (
    delivered,
    ended,
    gates,
    let_go,
    serving_agent,
    until_gone,
    until_up,
    workspace,
)

pytestmark = pytest.mark.integration


async def test_a_job_runs_from_its_assignment_to_its_end(
    hub: NatsHub, transfers: TransferServer, settings: AgentSettings
) -> None:
    async with serving_agent(settings):
        await hub.assign(key())
        await until_up(settings, key())
        let_go(settings, key(), exit_code=3)
        await hub.until_state(key(), "ended")
        await until_gone(workspace(settings, key()))
        await hub.until(lambda: hub.heartbeats[-1].attempts == ())
    report = ended(hub, key())
    assert report.exit_code == 3
    assert report.usage is not None
    files = delivered(transfers, key(), report)
    assert files["result"] == "7 haddock 1 C.UTF-8\n"
    assert files["stdout"] == "hello\n"
    assert files["stderr"] == ""
    assert list((settings.directory / "outbox").iterdir()) == []
    assert list((settings.directory / "executor" / "control").iterdir()) == []


async def test_heartbeats_name_what_is_held_and_how_far_it_was_taken(
    hub: NatsHub, settings: AgentSettings
) -> None:
    async with serving_agent(settings):
        await hub.assign(key())
        await until_up(settings, key())
        await hub.until(lambda: hub.heartbeats[-1].attempts == (key(),))
        beat = hub.heartbeats[-1]
        assert (beat.last_position, beat.free_slots) == (1, 1)
        let_go(settings, key())
        await hub.until_state(key(), "ended")


async def test_a_message_that_was_lost_is_noticed_by_the_next_one(
    hub: NatsHub, settings: AgentSettings
) -> None:
    async with serving_agent(settings):
        await hub.assign(key("first"))
        await until_up(settings, key("first"))
        hub.answers_heartbeats = False  # no heartbeat gives it away
        await hub.assign_unseen(key("lost"))
        await hub.assign(key("next"))
        await hub.until(lambda: any(isinstance(r, Sync) for r in hub.reports))
        for job_id in ("first", "lost", "next"):
            let_go(settings, key(job_id))
            await hub.until_state(key(job_id), "ended")


async def test_a_message_that_was_lost_is_noticed_by_the_heartbeat(
    hub: NatsHub, settings: AgentSettings
) -> None:
    async with serving_agent(settings):
        await hub.assign_unseen(key())
        let_go(settings, key())
        await hub.until_state(key(), "ended")
    assert any(isinstance(report, Sync) for report in hub.reports)


async def test_a_running_job_that_is_to_stop_is_stopped_and_keeps_its_results(
    hub: NatsHub, transfers: TransferServer, settings: AgentSettings
) -> None:
    async with serving_agent(settings):
        await hub.assign(key())
        await until_up(settings, key())
        await hub.request_stop(key())
        await hub.until_state(key(), "ended")
    report = ended(hub, key())
    assert report.signal == 15
    assert delivered(transfers, key(), report)["stdout"] == "hello\n"


async def test_transfers_that_fail_are_tried_again_until_they_work(
    hub: NatsHub, transfers: TransferServer, settings: AgentSettings
) -> None:
    transfers.failures = [503, 507, 401]
    async with serving_agent(settings):
        await hub.assign(key())
        await until_up(settings, key())
        transfers.failures = [500, 422, 404]
        let_go(settings, key())
        await hub.until_state(key(), "ended")
    assert delivered(transfers, key(), ended(hub, key()))["stdout"] == "hello\n"
    fetches = [report for report in hub.reports if isinstance(report, Fetch)]
    assert len(fetches) == 3, "a token that is refused is asked for anew"


async def test_inputs_that_are_gone_fail_the_job_without_a_process(
    hub: NatsHub, transfers: TransferServer, settings: AgentSettings
) -> None:
    transfers.failures = [404]
    async with serving_agent(settings):
        await hub.assign(key())
        await hub.until_state(key(), "ended")
    assert ended(hub, key()).failure == "spawn_failed"
    assert not (gates(settings) / f"up-{key()[0]}").exists()


async def test_inputs_with_a_wrong_checksum_never_run(
    hub: NatsHub, transfers: TransferServer, settings: AgentSettings
) -> None:
    hub.rules.bundle_sha256 = "0" * 64
    async with serving_agent(settings):
        await hub.assign(key())
        await hub.until(lambda: len(transfers.requests) >= 2)
        assert hub.rules.attempts[key()].state == "assigned"
        hub.rules.bundle_sha256 = transfers.bundle_sha256
        transfers.failures = [401]  # the right has the checksum in it
        let_go(settings, key())
        await hub.until_state(key(), "ended")


async def test_more_attempts_than_slots_run_one_after_the_other(
    hub: NatsHub, settings: AgentSettings
) -> None:
    jobs = [key(f"job-{number}") for number in range(12)]
    async with serving_agent(settings):
        for job in jobs:
            let_go(settings, job)
            await hub.assign(job)
        for job in jobs:
            await hub.until_state(job, "ended")
        await hub.until(lambda: hub.heartbeats[-1].free_slots == settings.slots)


async def test_a_job_is_told_where_it_is_also_when_the_agent_was_told_a_short_path(
    hub: NatsHub,
    transfers: TransferServer,
    settings: AgentSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = structs.replace(settings, directory=Path("client"))
    async with serving_agent(settings):
        await hub.assign(key())
        let_go(settings, key())
        await hub.until_state(key(), "ended")
    work = tmp_path / "client" / "work" / "job-1-1"
    files = delivered(transfers, key(), ended(hub, key()))
    assert files["places"] == f"{work / 'job'} {work / 'tmp'}\n"
