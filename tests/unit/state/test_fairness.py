"""What fairness promises, over any history of submissions, endings and limits."""

from collections import Counter, defaultdict

from hypothesis import given, settings, strategies as st
from hypothesis.strategies import SearchStrategy

from orchestrator.domain.commands import CancelJob
from orchestrator.domain.ids import ServiceName, UserId
from orchestrator.domain.job import Queued
from tests.examples import CLIENT, ECHO
from tests.unit.writer.world import Bench, runnable

USERS = ("ada", "bob", "cyd", "dan")
FOLD = ServiceName("fold")
SERVICES = (ECHO, FOLD)

type Step = tuple[str, str, int]


def steps(*deeds: str) -> SearchStrategy[list[Step]]:
    step = st.tuples(
        st.sampled_from(deeds), st.sampled_from(USERS), st.integers(0, 1_000)
    )
    return st.lists(step, max_size=60)


class Play(Bench):
    """A bench that random steps move."""

    def __init__(self) -> None:
        super().__init__()
        self.submitted = 0

    def perform(self, step: Step) -> None:
        deed, user, number = step
        match deed:
            case "submit":
                self.submit_one(user, SERVICES[number % 2])
            case "finish" if held := self.held():
                self.finish(held[number % len(held)])
            case "cancel" if self.state.live:
                live = list(self.state.live)
                self.ask(CancelJob(job_id=live[number % len(live)]))
            case "limit":
                self.service(
                    SERVICES[number % 2],
                    runs_per_user=1 + number % 3,
                    max_runs=1 + number % 5,
                )
            case "slots":
                self.client(CLIENT, slots=1 + number % 4)
            case "other slots":
                self.client("picky", FOLD, slots=1 + number % 3)
            case _:
                pass

    def submit_one(self, user: str, service: str = ECHO) -> str:
        self.submitted += 1
        job_id = f"job-{self.submitted}"
        self.submit(user, job_id, service=service)
        return job_id

    def held(self) -> list[str]:
        return list(self.state.clients.held_by(CLIENT))

    def keep_backlogged(self, *users: str) -> None:
        lanes = self.state.queue.of(ECHO).lanes
        for user in users:
            if UserId(user) not in lanes:
                self.submit_one(user)


@settings(deadline=None, max_examples=60)
@given(steps("submit", "finish", "finish", "cancel", "slots"))
def test_two_users_who_always_wait_are_served_alike(history: list[Step]) -> None:
    play = Play()
    play.service()
    play.service(FOLD)
    play.client()
    lead = [0]
    for step in history:
        play.perform(step)
        play.keep_backlogged("ada", "bob")
        for made in play.settle():
            # Jobs of "fold" are of another class.
            weight = {"ada": 1, "bob": -1}.get(made.user, 0)
            lead.append(lead[-1] + (weight if made.service == ECHO else 0))
            play.keep_backlogged("ada", "bob")
    # Over every interval: at most the largest job of each, and all cost 1.
    assert max(lead) - min(lead) <= 2


@settings(deadline=None, max_examples=100)
@given(steps("submit", "submit", "finish", "finish", "cancel", "limit", "slots"))
def test_nobody_who_may_run_is_passed_over_for_long(history: list[Step]) -> None:
    play = Play()
    play.service()
    play.service(FOLD)
    play.client()
    passed_over: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for step in history:
        play.perform(step)
        while True:
            waiting = {
                (job.facts.service, job.facts.user)
                for job_id in runnable(play.state)
                if isinstance(job := play.state.live[job_id], Queued)
            }
            for flow in list(passed_over):
                if flow not in waiting:
                    del passed_over[flow]
            made = play.assign_one()
            if made is None:
                break
            passed_over.pop((made.service, made.user), None)
            for flow in waiting - {(made.service, made.user)}:
                if flow[0] == made.service:
                    passed_over[flow][made.user] += 1
            for counts in passed_over.values():
                # Once in this round, and once in the next by a tie.
                assert max(counts.values(), default=0) <= 2


@settings(deadline=None, max_examples=100)
@given(
    steps(
        "submit", "submit", "finish", "cancel", "limit", "slots", "other slots", "slots"
    )
)
def test_no_limit_is_passed_and_no_room_left_beside_a_waiting_job(
    history: list[Step],
) -> None:
    play = Play()
    play.service()
    play.service(FOLD)
    for step in history:
        play.perform(step)
        for made in play.settle():
            policy = play.state.queue.policies[made.service]
            assert made.reason.user_running < policy.runs_per_user
            assert made.reason.service_running < policy.max_runs
            assert made.reason.free_slots > 0
        assert runnable(play.state) == []


@settings(deadline=None, max_examples=100)
@given(steps("submit", "submit", "submit", "finish", "cancel"))
def test_a_position_is_the_turn_that_the_job_then_gets(history: list[Step]) -> None:
    play = Play()
    play.service(ECHO)
    play.client()
    for deed, user, number in history:
        play.perform((deed, user, number - number % 2))  # of one service only
        play.settle()
    foretold = {
        job.facts.job_id: play.state.queue.of(ECHO).position(
            job.facts.user, job.facts.job_id
        )
        for job in play.state.live.values()
        if isinstance(job, Queued)
    }
    play.client(slots=900)
    turns = {made.job_id: turn for turn, made in enumerate(play.settle(), start=1)}
    assert turns == foretold


def test_splitting_a_users_work_into_more_jobs_gains_no_turn() -> None:
    orders: list[list[str]] = []
    for jobs in (4, 40):
        bench = Bench()
        bench.service()
        bench.client()
        bench.submit("ada", *(f"a{n}" for n in range(jobs)))
        bench.submit("bob", *(f"b{n}" for n in range(4)))
        orders.append(bench.play()[:8])
    assert orders[0] == orders[1]
