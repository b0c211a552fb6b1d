"""Every way a real append can end: what the leader then does, what the caller sees."""
# Over 300 lines: one scene, and every way its appends can end.

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel
import nats.errors
import pytest
from nats.js import JetStreamManager

from orchestrator.domain.commands import CancelJob, Command
from orchestrator.domain.ids import JobId
from orchestrator.errors import (
    LogFullError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
    UnknownJobError,
)
from orchestrator.event_log.jetstream import JetStreamLog, open_jetstream
from orchestrator.event_log.stream import wanted
from orchestrator.writer.commands import Answered
from orchestrator.writer.lead_signals import EventFollowed
from tests.examples import (
    CANCEL,
    ELECTED,
    JOB,
    PORTAL,
    asked,
    configure,
    join,
    recorded,
    submit,
)
from tests.fakes.offices import Running, running_office
from tests.fakes.wire import Wire, wire_to
from tests.integration.office_witness import (
    PATIENCE_SECONDS,
    contents,
    elections,
    require_fold,
    submissions,
)
from tests.nats_server import NatsServer

pytestmark = pytest.mark.integration

STREAM = "DOUBTS"


@dataclass(frozen=True)
class Scene:
    """A leader whose wire to the log a test has in its hand, and an eye on the log."""

    server: Running
    wire: Wire
    log: JetStreamLog

    async def ask(self, command: Command, command_id: str = "") -> Answered:
        with anyio.fail_after(2 * PATIENCE_SECONDS):
            return await self.server.office.ask(asked(command, PORTAL, command_id))

    async def stored(self, beyond: int) -> None:
        """Return once the log itself, which the leader may not hear, has grown."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while (await self.log.end()).position <= beyond:  # noqa: ASYNC110 - a condition, in real processes
                await anyio.sleep(0.005)

    async def end(self) -> int:
        return (await self.log.end()).position

    async def steps_down(self) -> None:
        await eventually(lambda: self.server.office.leader is None)

    async def require(self, *jobs: str, terms: int) -> None:
        """Expect these submissions, and a leader whose state is the log's fold."""
        await self.server.leads()
        await require_fold(self.server.office, self.log)
        events = await contents(self.log)
        assert submissions(events) == list(jobs)
        assert len(elections(events)) == terms


async def eventually(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - it rings no bell
            await anyio.sleep(0.005)


@asynccontextmanager
async def scene(
    nats: NatsServer,
    directory: Path,
    *,
    deadline_seconds: float = 10.0,
    append_seconds: float = 5.0,
    max_bytes: int | None = None,
) -> AsyncGenerator[Scene]:
    async with (
        open_jetstream(nats.url, stream=STREAM, max_bytes=max_bytes) as log,
        wire_to(nats.url) as wire,
        running_office(
            wire.url,
            directory / "only",
            stream=STREAM,
            declared=[configure()],
            deadline_seconds=deadline_seconds,
            append_seconds=append_seconds,
            max_bytes=max_bytes,
        ) as server,
    ):
        await server.leads()
        await server.office.ask(asked(join()))  # nothing is in flight after that
        yield Scene(server, wire, log)


async def outcome_of(scene: Scene, command: Command, command_id: str = "") -> object:
    try:
        return await scene.ask(command, command_id)
    except OrchestratorError as error:
        return error


async def test_an_answer_that_was_lost_is_found_by_the_command_id(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(own_nats_server, tmp_path) as it:
        before = await it.end()
        it.wire.lose_answers()
        answers: list[Answered] = []

        async def hand_in() -> None:
            answers.append(await it.ask(submit(), "c-1"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hand_in)
            await it.stored(before)
            await it.wire.cut()
        await it.require(JOB, terms=2)
        events = await contents(it.log)
        assert events[answers[0].position - 1].command_id == "c-1"


async def test_who_was_cut_off_as_it_led_has_no_ears_afterwards(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(own_nats_server, tmp_path) as it:
        it.wire.lose_requests(after=b"HPUB jobs.")
        back = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(it.ask, submit(), "c-1")
            await eventually(lambda: it.wire.has_lost_requests)
            with it.server.log.connection.on_reconnect(back.set):
                await it.wire.cut()
                await back.wait()
        # What was subscribed while it was cut off would be so when it is back.
        for subject in ("leader.1", "commands.1"):
            with pytest.raises(nats.errors.NoRespondersError):
                await it.log.connection.client.request(subject, b"", timeout=5)


async def test_who_steps_down_leads_no_more_although_a_write_is_under_way(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(own_nats_server, tmp_path) as it:
        leader = it.server.office.leader
        assert leader is not None
        end = await it.end()
        async with anyio.create_task_group() as tasks:
            own_nats_server.pause()
            tasks.start_soon(it.ask, submit(), "c-1")
            await anyio.lowlevel.checkpoint()
            leader.step(EventFollowed(end + 1, recorded(ELECTED, 10**9)))
            assert it.server.office.leader is None
            assert it.server.office.leadership().role == "starting"
            own_nats_server.resume()
        await it.require(JOB, terms=2)


async def test_a_command_that_was_lost_on_the_way_is_carried_out_once(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(own_nats_server, tmp_path) as it:
        it.wire.lose_requests(after=b"HPUB jobs.")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(it.ask, submit(), "c-1")
            await eventually(lambda: it.wire.has_lost_requests)
            await it.wire.cut()
        await it.require(JOB, terms=2)


async def test_a_batch_cut_in_its_middle_is_not_stored_and_carried_out_whole(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    jobs = [f"job-{number}" for number in range(12)]
    async with scene(own_nats_server, tmp_path) as it:
        it.wire.hold_answers()
        before = 0
        async with anyio.create_task_group() as tasks:
            for job in jobs:
                tasks.start_soon(it.ask, submit(JobId(job)), f"c-{job}")
                await anyio.lowlevel.checkpoint()
            it.wire.lose_requests(after=b"Nats-Batch-Sequence: 3\r\n")
            it.wire.release()
            await eventually(lambda: it.wire.has_lost_requests)
            before = await it.end()
            await it.wire.cut()
        events = await contents(it.log)
        # The first went alone; the batch of the others came only with the next term.
        assert len(elections(events[:before])) == 1
        # Which was the first is nobody's promise: each is looked up before it is decided.
        assert len(submissions(events[:before])) == 1
        await it.server.leads()
        await require_fold(it.server.office, it.log)
        assert sorted(submissions(await contents(it.log))) == sorted(jobs)


async def test_an_acknowledgement_that_comes_too_late_changes_nothing(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(own_nats_server, tmp_path, append_seconds=0.2) as it:
        it.wire.hold_answers()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(it.ask, submit(), "c-1")
            await eventually(lambda: it.server.office.leader is not None)
            await it.steps_down()
            it.wire.release()
        await it.require(JOB, terms=2)


async def test_a_caller_that_has_gone_leaves_its_event_and_no_doubt(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(own_nats_server, tmp_path) as it:
        before = await it.end()
        it.wire.hold_answers()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(it.ask, submit(), "c-1")
            await it.stored(before)
            tasks.cancel_scope.cancel()
        it.wire.release()
        answered = await it.ask(submit(), "c-1")
        await it.require(JOB, terms=1)
        events = await contents(it.log)
        assert events[answered.position - 1].command_id == "c-1"


async def test_past_the_deadline_who_was_sent_is_in_doubt_and_who_was_not_is_not(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(
        own_nats_server, tmp_path, deadline_seconds=0.6, append_seconds=0.3
    ) as it:
        own_nats_server.pause()
        assert isinstance(await outcome_of(it, submit(), "c-1"), OutcomeUnknownError)
        second = submit(JobId("job-2"))
        assert isinstance(await outcome_of(it, second, "c-2"), NotLeadingError)
        own_nats_server.resume()
        await it.ask(submit(), "c-1")
        await it.ask(second, "c-2")
        await it.server.leads()
        assert submissions(await contents(it.log)) == [JOB, "job-2"]


async def test_an_unknown_job_is_not_called_so_while_nobody_can_prove_it(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(own_nats_server, tmp_path, deadline_seconds=0.3) as it:
        own_nats_server.pause()
        outcome = await outcome_of(it, CANCEL)
        assert isinstance(outcome, NotLeadingError | OutcomeUnknownError)
        own_nats_server.resume()
        with pytest.raises(UnknownJobError):
            await it.ask(CancelJob(job_id=JobId("nobody's")))


async def test_a_proof_whose_answer_was_lost_is_none(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(own_nats_server, tmp_path) as it:
        outcomes: list[object] = []

        async def cancel() -> None:
            outcomes.append(await outcome_of(it, CANCEL))

        it.wire.lose_answers(after=b"$JS.API.STREAM.INFO.DOUBTS")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel)
            await it.steps_down()
            # Whoever leads while we hear nothing may know the job.
            assert outcomes == []
            await it.wire.cut()
        assert isinstance(outcomes[0], UnknownJobError)
        assert len(elections(await contents(it.log))) == 2


async def test_a_server_that_did_not_hear_of_its_election_is_elected_again(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with (
        open_jetstream(own_nats_server.url, stream=STREAM) as log,
        wire_to(own_nats_server.url) as wire,
        _elected_unheard(wire, tmp_path) as server,
    ):
        it = Scene(server, wire, log)
        await it.stored(0)
        await wire.cut()
        await server.leads()
        assert elections(await contents(log)) == ["only", "only"]


@asynccontextmanager
async def _elected_unheard(wire: Wire, directory: Path) -> AsyncGenerator[Running]:
    async with running_office(
        wire.url, directory / "only", stream=STREAM, declared=[]
    ) as server:
        wire.lose_answers(after=b"HPUB writer")
        yield server


async def test_a_full_log_refuses_by_name_and_goes_on_when_it_has_room(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    async with scene(
        own_nats_server, tmp_path, deadline_seconds=0.5, max_bytes=4_000
    ) as it:
        accepted: list[str] = []
        outcome: object = None
        while not isinstance(outcome, OrchestratorError):
            job = f"job-{len(accepted)}"
            outcome = await outcome_of(it, submit(JobId(job)))
            if isinstance(outcome, Answered):
                accepted.append(job)
        assert isinstance(outcome, LogFullError)
        # Nobody can be elected either.
        refused = await outcome_of(it, submit(JobId("too many")))
        assert isinstance(refused, LogFullError | NotLeadingError)
        manager = JetStreamManager(it.log.connection.client)
        await manager.update_stream(wanted(STREAM, replicas=1, max_bytes=1 << 20))
        await it.server.leads()
        await it.ask(submit(JobId("one more")))
        stored = submissions(await contents(it.log))
        assert accepted
        assert stored == [*accepted, "one more"]
