"""A world around the client's machine: it does what is wanted, in any order, or not.

What is on disk, what runs and what the hub knows outlive the machine, as they would.
"""

from typing import Literal

from clients.executors.executor import Outcome
from clients.inputs import (
    Answered,
    Assigned,
    AttemptKey,
    Begin,
    Collected,
    Delivered,
    Failed,
    Input,
    InputsReady,
    JoinAnswered,
    ProcessEnded,
    ProcessStarted,
    Reconnected,
    Removed,
    Replied,
    ResultsDelivered,
    StopAsked,
    Tick,
    Written,
    key_of,
)
from clients.machine import ClientMachine
from clients.outputs import (
    Abort,
    Ask,
    AskToJoin,
    Collect,
    Deliver,
    Download,
    Entry,
    Erase,
    Output,
    Remove,
    Run,
    Send,
    Stop,
    Watch,
    Write,
)
from orchestrator.domain.events import Results
from orchestrator.domain.ids import Incarnation
from orchestrator.wire import Answer, Report
from tests.fakes.hub_rules import HubRules, join

# What becomes of a deed: of a request the answer or the request itself may be lost.
type Fate = Literal["done", "fails", "unanswered"]

RESULTS = Results(manifest_sha256="ab", size=3, files=1)


class ClientWorld:
    """A hub, a disk and an executor, and the machine that lives among them."""

    def __init__(self, *, slots: int) -> None:
        self.hub = HubRules()
        self.slots = slots
        self.now = 0.0
        self.disk: dict[int, Entry] = {}
        self.workspaces: set[AttemptKey] = set()
        self.running: dict[AttemptKey, bool] = {}  # held by the executor: stopped?
        self.starts: list[tuple[AttemptKey, Incarnation]] = []
        self._runs = 0
        self._last_delivered = 0
        self.restart()

    def restart(self) -> None:
        """Kill the agent and start another one: what was under way is forgotten."""
        self._runs += 1
        self.wanted: list[Output] = []
        self.deliveries: list[Delivered] = []
        self.incarnation = Incarnation(f"run-{self._runs}")
        offer = join(slots=self.slots, incarnation=self.incarnation)
        self.machine = ClientMachine(offer, pending=tuple(self.disk.values()))
        self.tell(Begin(held=tuple(self.running)))

    def tell(self, signal: Input) -> None:
        """Step the machine; what it wants stands in `wanted`."""
        for output in self.machine.step(signal, self.now):
            match output:
                case Abort():
                    self.wanted = [
                        wanted
                        for wanted in self.wanted
                        if not isinstance(
                            wanted, Download | Run | Watch | Collect | Deliver
                        )
                        or wanted.key != output.key
                    ]
                case Stop():
                    if output.key in self.running:
                        self.running[output.key] = True
                case Erase():
                    self.disk.pop(output.number, None)
                case _:
                    self.wanted.append(output)

    def assign(self, key: AttemptKey) -> None:
        """Let the hub give an attempt to the client."""
        position = self.hub.assign(key)
        self._deliver(position, Assigned(key=key, position=position))

    def request_stop(self, key: AttemptKey) -> None:
        """Let the hub ask for a running attempt's end."""
        if self.hub.attempts[key].state == "started":
            self._deliver(self.hub.request_stop(key), StopAsked(key=key))

    def _deliver(self, position: int, work: Assigned | StopAsked) -> None:
        previous, self._last_delivered = self._last_delivered, position
        self.deliveries.append(
            Delivered(position=position, previous=previous, work=work)
        )

    def perform(self, index: int, fate: Fate) -> None:
        """Do one of the things that are wanted."""
        result = self._result(self.wanted.pop(index), fate)
        if result is not None:
            self.tell(result)

    def drain(self) -> None:
        """Let everything work from now on, until nothing is wanted any more."""
        for delivered in self.deliveries:
            self.tell(delivered)
        self.deliveries.clear()
        self.tell(Reconnected())
        for _ in range(10_000):
            if self.wanted:
                self.perform(0, "done")
            elif self.machine.due is not None:
                self.now = max(self.now, self.machine.due)
                self.tell(Tick())
            else:
                return
        raise AssertionError(f"never quiet: {self.wanted}")

    def drain_until_started(self, key: AttemptKey) -> None:
        """Let everything work until the executor holds this attempt."""
        for delivered in self.deliveries:
            self.tell(delivered)
        self.deliveries.clear()
        while key not in self.running:
            self.perform(0, "done")

    def _result(self, wanted: Output, fate: Fate) -> Input | None:
        match wanted:
            case AskToJoin():
                answer = self._ask(wanted.report, fate)
                return JoinAnswered(report=wanted.report, answer=answer)
            case Ask():
                answer = self._ask(wanted.report, fate)
                return Answered(report=wanted.report, answer=answer)
            case Send():
                answer = self._ask(wanted.entry.report, fate)
                return Replied(number=wanted.entry.number, answer=answer)
            case Write():
                if fate == "done":
                    self.disk[wanted.entry.number] = wanted.entry
                return Written(number=wanted.entry.number, ok=fate == "done")
            case Download() | Run() | Watch() | Collect() | Deliver() | Remove():
                if fate != "done":
                    return Failed(key=wanted.key, problem="trouble")
                return self._done(wanted)
            case _:
                return None

    def _ask(self, report: Report, fate: Fate) -> Answer | None:
        answer = None if fate == "fails" else self.hub.answer(report)
        return answer if fate == "done" else None

    def _done(
        self, wanted: Download | Run | Watch | Collect | Deliver | Remove
    ) -> Input:
        key = wanted.key
        match wanted:
            case Download():
                self.workspaces.add(key)
                return InputsReady(key=key)
            case Run():
                if key not in self.running:
                    self.starts.append((key, self.incarnation))
                    self.running[key] = False
                return ProcessStarted(key=key)
            case Watch():
                stopped = self.running[key]
                outcome = Outcome(
                    job_id=key[0],
                    attempt=key[1],
                    exit_code=None if stopped else 0,
                    signal=15 if stopped else None,
                    stopped=stopped,
                )
                return ProcessEnded(key=key, outcome=outcome)
            case Collect():
                return Collected(key=key, results=RESULTS)
            case Deliver():
                return ResultsDelivered(key=key)
            case Remove():
                self.running.pop(key, None)
                self.workspaces.discard(key)
                return Removed(key=key)

    def reported(self) -> list[AttemptKey]:
        """Return the attempts whose report is on disk."""
        return [key_of(entry.report) for entry in self.disk.values()]
