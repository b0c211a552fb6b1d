"""The rules that span a job, its service, its client and whoever asks."""

import pytest
from msgspec import structs

from orchestrator.domain.commands import (
    ArchivedJob,
    CancelJob,
    Command,
    JoinClient,
    LeaveClient,
    LoseClient,
    RetireService,
    SyncClient,
)
from orchestrator.domain.events import (
    AttemptLost,
    ClientJoined,
    ClientLeft,
    ClientLost,
    JobCancelled,
    JobSubmitted,
)
from orchestrator.domain.ids import JobId, PrincipalId, ServiceName, UserId
from orchestrator.domain.job import digest_of_outcome
from orchestrator.domain.principal import Principal
from orchestrator.errors import (
    CommandRejectedError,
    ForbiddenError,
    IdempotencyConflictError,
    InvalidCommandError,
    JobEndedError,
    StaleAttemptError,
    UnknownClientError,
    UnknownJobError,
    UnknownServiceError,
    VersionRefusedError,
)
from orchestrator.writer.decide import MOST_SLOTS
from tests.examples import (
    ADA,
    BOB,
    CANCEL,
    CLIENT,
    ECHO,
    FIRST_LIFE,
    JOB,
    OPERATOR,
    PORTAL,
    RESULTS,
    SECOND_LIFE,
    configure,
    ended,
    join,
    started,
    submit,
)
from tests.unit.writer.world import Bench

AS_ADA = Principal(id=PrincipalId("ada"), role="user")
AS_BOB = Principal(id=PrincipalId("bob"), role="user")
AS_CLIENT = Principal(id=PrincipalId("client:c"), role="client")
ARCHIVED = ArchivedJob(
    job_id=JOB,
    number=1,
    service=ECHO,
    user=ADA,
    body_digest="body-1",
    state="completed",
    attempt=2,
    client_id=CLIENT,
    outcome_digest=digest_of_outcome(0, None, RESULTS),
    position=9,
)


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.service()
    return bench


def refused(
    bench: Bench,
    command: Command,
    error: type[CommandRejectedError],
    by: Principal = PORTAL,
) -> CommandRejectedError:
    """Expect a refusal that changes nothing."""
    count = len(bench.log)
    with pytest.raises(error) as caught:
        bench.ask(command, by)
    assert len(bench.log) == count
    return caught.value


# -- submissions ------------------------------------------------------------------------


def test_numbers_are_given_in_order_and_never_again(bench: Bench) -> None:
    bench.submit("ada", "a", "b")
    bench.ask(CancelJob(job_id=JobId("b")))
    bench.submit("ada", "c")
    numbers = [
        each.event.number
        for _, each in bench.log
        if isinstance(each.event, JobSubmitted)
    ]
    assert numbers == [1, 2, 3]


def test_a_user_submits_for_nobody_else(bench: Bench) -> None:
    refused(bench, submit(user=BOB), ForbiddenError, AS_ADA)
    assert len(bench.ask(submit(user=ADA), AS_ADA)) == 1


def test_a_portal_submits_for_its_users(bench: Bench) -> None:
    assert len(bench.ask(submit(user=BOB), PORTAL)) == 1


def test_an_unknown_service_is_refused_with_those_that_there_are(bench: Bench) -> None:
    bench.service("fold")
    bench.ask(RetireService(service=ServiceName("fold"), source="api"), OPERATOR)
    bench.service("dock")
    wanted = structs.replace(submit(), service=ServiceName("fold"))
    error = refused(bench, wanted, UnknownServiceError)
    assert isinstance(error, UnknownServiceError)
    assert error.known == ("dock", "echo")


@pytest.mark.parametrize(
    "fields",
    [
        {"user": UserId("")},
        {"user": UserId("u" * 201)},
        {"labels": ("",)},
        {"labels": ("l" * 65,)},
        {"labels": ("l",) * 17},
    ],
)
def test_what_would_make_a_large_event_is_refused(
    bench: Bench, fields: dict[str, object]
) -> None:
    refused(bench, structs.replace(submit(), **fields), InvalidCommandError)


def test_a_job_that_memory_has_let_go_is_still_the_same_job(bench: Bench) -> None:
    again = structs.replace(submit(), archived=ARCHIVED)
    assert bench.ask(again) == []
    another = structs.replace(again, body_digest="another")
    refused(bench, another, IdempotencyConflictError)


def test_memory_is_believed_before_the_archive(bench: Bench) -> None:
    bench.ask(submit())
    assert bench.ask(structs.replace(CANCEL, archived=ARCHIVED)) != []


# -- cancellations ------------------------------------------------------------------------


def test_a_user_cancels_only_their_own_jobs(bench: Bench) -> None:
    bench.ask(submit(user=ADA))
    refused(bench, CANCEL, ForbiddenError, AS_BOB)
    (cancelled,) = bench.ask(CANCEL, AS_ADA)
    assert isinstance(cancelled, JobCancelled)


def test_a_job_of_long_ago_is_known_to_have_ended(bench: Bench) -> None:
    refused(bench, structs.replace(CANCEL, archived=ARCHIVED), JobEndedError)
    refused(bench, structs.replace(CANCEL, archived=ARCHIVED), ForbiddenError, AS_BOB)
    refused(bench, CANCEL, UnknownJobError)


# -- reports on what memory has let go ---------------------------------------------------------


def test_a_report_accepted_long_ago_is_accepted_again(bench: Bench) -> None:
    again = structs.replace(ended(attempt=2), archived=ARCHIVED)
    assert bench.ask(again) == []


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_another_report_on_it_is_stale(bench: Bench, attempt: int) -> None:
    late = structs.replace(ended(attempt=attempt, exit_code=3), archived=ARCHIVED)
    error = refused(bench, late, StaleAttemptError)
    assert error.settled == (attempt < 2)


def test_a_claim_on_it_is_stale(bench: Bench) -> None:
    claim = structs.replace(started(attempt=2), archived=ARCHIVED)
    refused(bench, claim, StaleAttemptError)


# -- clients ----------------------------------------------------------------------------------


def test_a_client_joins_once(bench: Bench) -> None:
    (joined,) = bench.ask(join())
    assert isinstance(joined, ClientJoined)
    assert bench.ask(join()) == []


def test_a_client_that_joins_with_other_slots_or_another_life_joins_anew(
    bench: Bench,
) -> None:
    bench.ask(join())
    assert len(bench.ask(join(slots=2))) == 1
    assert len(bench.ask(join(slots=2, incarnation=SECOND_LIFE))) == 1
    refused(
        bench, SyncClient(client_id=CLIENT, incarnation=FIRST_LIFE), UnknownClientError
    )


def test_services_of_a_client_are_a_set(bench: Bench) -> None:
    def offering(*names: str) -> JoinClient:
        return structs.replace(join(), services=tuple(map(ServiceName, names)))

    (joined,) = bench.ask(offering("fold", "echo", "fold"))
    assert isinstance(joined, ClientJoined)
    assert joined.services == ("echo", "fold")
    assert bench.ask(offering("echo", "fold")) == []


def test_a_client_of_another_protocol_is_refused(bench: Bench) -> None:
    refused(bench, structs.replace(join(), protocol=2), VersionRefusedError)


@pytest.mark.parametrize("slots", [0, -1, MOST_SLOTS + 1])
def test_a_client_offers_at_least_one_slot_and_not_too_many(
    bench: Bench, slots: int
) -> None:
    refused(bench, join(slots=slots), InvalidCommandError)


def test_all_that_a_full_client_held_is_lost_in_one_atomic_batch(bench: Bench) -> None:
    bench.client(slots=MOST_SLOTS)
    bench.submit("ada", *(f"job-{n}" for n in range(MOST_SLOTS)))
    assert len(bench.assigned()) == MOST_SLOTS
    left, *lost = bench.ask(LeaveClient(client_id=CLIENT, incarnation=FIRST_LIFE))
    assert isinstance(left, ClientLeft)
    assert len(lost) == MOST_SLOTS
    assert all(isinstance(event, AttemptLost) for event in lost)
    assert len(lost) + 1 <= 1_000


def test_a_cancelled_job_of_a_lost_client_is_cancelled(bench: Bench) -> None:
    bench.client()
    bench.submit("ada", JOB)
    bench.assigned()
    bench.ask(started())
    bench.ask(CANCEL)
    lost, cancelled = bench.ask(
        LoseClient(client_id=CLIENT, incarnation=FIRST_LIFE, silent_ms=15_000)
    )
    assert isinstance(lost, ClientLost)
    assert isinstance(cancelled, JobCancelled)
    assert bench.assigned() == []


@pytest.mark.parametrize("command", [LeaveClient, SyncClient])
def test_an_earlier_life_of_a_client_speaks_for_nobody(
    bench: Bench, command: type[LeaveClient | SyncClient]
) -> None:
    bench.ask(join(incarnation=SECOND_LIFE))
    spoken = command(client_id=CLIENT, incarnation=FIRST_LIFE)
    refused(bench, spoken, UnknownClientError)


# -- services ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [AS_ADA, AS_CLIENT])
def test_users_and_clients_change_no_service(bench: Bench, by: Principal) -> None:
    refused(bench, configure(max_runs=99), ForbiddenError, by)
    retire = RetireService(service=ECHO, source="api")
    refused(bench, retire, ForbiddenError, by)


@pytest.mark.parametrize("limits", [(0, 1), (1, 0), (-1, -1)])
def test_a_limit_is_at_least_one(bench: Bench, limits: tuple[int, int]) -> None:
    runs_per_user, max_runs = limits
    wanted = structs.replace(configure(runs_per_user, max_runs), source="api")
    refused(bench, wanted, InvalidCommandError, OPERATOR)


def test_what_was_never_there_cannot_be_retired(bench: Bench) -> None:
    nothing = RetireService(service=ServiceName("fold"), source="api")
    refused(bench, nothing, UnknownServiceError, OPERATOR)


def test_retiring_twice_changes_nothing(bench: Bench) -> None:
    retire = RetireService(service=ECHO, source="api")
    assert len(bench.ask(retire, OPERATOR)) == 1
    assert bench.ask(retire, OPERATOR) == []
