"""The order over flows, against a model that looks at everything each time."""

from hypothesis import given, settings, strategies as st

from orchestrator.domain.fair_queue import FairQueue

KEYS = "abcde"


class Naive:
    """Start-time fair queueing in its plainest form."""

    def __init__(self) -> None:
        self.now = 0
        self.tags = dict.fromkeys(KEYS, 0)
        self.active: set[str] = set()
        self.armed: set[str] = set()

    def activate(self, key: str) -> None:
        if key not in self.active:
            self.tags[key] = max(self.tags[key], self.now)
            self.active.add(key)

    def order(self) -> list[str]:
        return sorted(self.armed, key=lambda key: (self.tags[key], key))


def perform(step: tuple[str, str], queue: FairQueue[str], naive: Naive) -> None:
    deed, key = step
    match deed:
        case "activate":
            queue.activate(key)
            naive.activate(key)
        case "deactivate":
            queue.deactivate(key)
            naive.active.discard(key)
            naive.armed.discard(key)
        case "arm" if key in naive.active:
            queue.arm(key)
            naive.armed.add(key)
        case "disarm":
            queue.disarm(key)
            naive.armed.discard(key)
        case "forget":
            queue.forget_settled()
        case "serve" if naive.armed:
            serve(queue, naive)
        case _:
            pass


def serve(queue: FairQueue[str], naive: Naive) -> None:
    first = naive.order()[0]
    assert queue.first() == first
    tag = queue.tag(first)
    queue.charge(first, tag=tag, tag_after=tag + 1)
    naive.now = max(naive.now, naive.tags[first])
    naive.tags[first] += 1


DEEDS = ["activate", "activate", "deactivate", "arm", "arm", "disarm", "forget"]
STEPS = st.lists(
    st.tuples(st.sampled_from([*DEEDS, *["serve"] * 4]), st.sampled_from(KEYS)),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS)
def test_it_orders_as_looking_at_everything_would(steps: list[tuple[str, str]]) -> None:
    queue, naive = FairQueue[str](), Naive()
    for step in steps:
        perform(step, queue, naive)
        assert queue.virtual_time == naive.now
        assert list(queue.in_order()) == naive.order()
        assert queue.first() == next(iter(naive.order()), None)
        for key in KEYS:
            idle = key not in naive.active
            assert queue.tag(key) == max(naive.tags[key], naive.now if idle else 0)


@settings(deadline=None)
@given(STEPS, STEPS)
def test_what_it_remembers_is_enough_to_go_on(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    queue, naive = FairQueue[str](), Naive()
    for step in before:
        perform(step, queue, naive)
    again = FairQueue(queue.virtual_time, queue.debts(), sorted(naive.active))
    for key in naive.armed:
        again.arm(key)
    for step in after:
        perform(step, again, naive)
    assert list(again.in_order()) == naive.order()


def test_who_was_idle_gets_no_credit_for_it() -> None:
    queue = FairQueue[str](virtual_time=100)
    for key in ("new", "old"):
        queue.activate(key)
        queue.arm(key)
    queue.charge("new", tag=100, tag_after=101)
    assert queue.first() == "old"
    queue.charge("old", tag=100, tag_after=101)
    assert queue.first() == "new"


def test_who_leaves_with_a_debt_comes_back_with_it() -> None:
    queue = FairQueue[str]()
    queue.activate("a")
    queue.charge("a", tag=0, tag_after=7)
    queue.deactivate("a")
    queue.activate("a")
    assert queue.tag("a") == 7


def test_a_debt_that_the_others_have_overtaken_is_forgotten() -> None:
    queue = FairQueue[str]()
    for key in ("a", "b"):
        queue.activate(key)
    queue.charge("a", tag=0, tag_after=1)
    queue.deactivate("a")
    queue.charge("b", tag=5, tag_after=6)
    assert queue.debts() == {"b": 6}
    queue.forget_settled()
    assert queue.tag("a") == 5


def test_outdated_entries_do_not_pile_up() -> None:
    queue = FairQueue[str]()
    for key in KEYS:
        queue.activate(key)
    for round_ in range(10_000):
        key = KEYS[round_ % len(KEYS)]
        queue.arm(key)
        queue.charge(key, tag=round_, tag_after=round_ + 1)
        queue.disarm(key)
    assert len(vars(queue)["_heap"]) < 100
