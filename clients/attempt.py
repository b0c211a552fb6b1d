"""One attempt in a client's hands, from its assignment until nothing is left of it.

Fetch, download, claim, run, collect, deliver, report, remove. Its process starts only
after its claim was accepted, and only once.
"""

from typing import assert_never

from msgspec import Struct

from clients.backoff import backoff_seconds
from clients.executors.executor import Outcome
from clients.final_report import final_report
from clients.inputs import (
    Answered,
    AttemptKey,
    Collected,
    Failed,
    Final,
    InputsReady,
    Keep,
    OfAttempt,
    ProcessEnded,
    ProcessStarted,
    Rejoin,
    Removed,
    ResultsDelivered,
    Settled,
    SpawnFailed,
    StopAsked,
)
from clients.outputs import (
    Abort,
    Activity,
    Ask,
    Collect,
    Deliver,
    Download,
    Remove,
    Run,
    Stop,
    Watch,
)
from clients.phases import AWAITED, BEFORE_PROCESS, CAN_FAIL, PAST_IT, Phase
from orchestrator.domain.events import FailureReason, Results
from orchestrator.domain.ids import ClientId, Incarnation
from orchestrator.wire import Accepted, Fetch, Fetched, Refused, Started

type AttemptOutput = Activity | Ask | Stop | Abort | Keep | Rejoin
type Outputs = list[AttemptOutput]


class Holder(Struct, frozen=True, kw_only=True):
    """Who holds the attempts of this agent."""

    client_id: ClientId
    incarnation: Incarnation


class Attempt:
    """A machine for one attempt: tell it what happened, do what it wants done."""

    def __init__(
        self, key: AttemptKey, *, position: int, phase: Phase, holder: Holder
    ) -> None:
        self.key = key
        self.position = position  # where the log gave it to us
        self.phase = phase
        self.retry_at: float | None = None
        self._holder = holder
        self._tries = 0
        self._fetched: Fetched | None = None
        self._failure: FailureReason | None = None  # before there was a process
        self._outcome: Outcome | None = None
        self._results: Results | None = None
        self._afresh = False
        self._stop_asked = False
        self._discarded = False
        self._held_back = False

    @property
    def may_start(self) -> bool:
        """Return whether its process may be about to start."""
        return self.phase in {Phase.CLAIMING, Phase.STARTING}

    @property
    def is_unkillable(self) -> bool:
        """Return whether some of its processes do not end."""
        return self._outcome is not None and self._outcome.failure == "unkillable"

    def begin(self) -> Outputs:
        """Go on from where it was put: it has a slot, or is to be reported."""
        return self._enter(
            Phase.FETCHING if self.phase is Phase.WAITING else self.phase
        )

    def agree(self, *, stop_requested: bool) -> Outputs:
        """Carry on: the log gives it to us, perhaps with the wish to stop it."""
        if self.phase is not Phase.ADOPTED:
            return self._stop() if stop_requested else []
        self._stop_asked = self._stop_asked or stop_requested
        return self._enter(Phase.RUNNING)

    def hold_back(self) -> Outputs:
        """Begin nothing new for it; what cannot be taken back goes on."""
        self._held_back = True
        if self.phase in BEFORE_PROCESS and self.phase is not Phase.CLAIMING:
            return [Abort(key=self.key)]
        return []

    def retry(self) -> Outputs:
        """Do again what did not work."""
        return self._enter(self.phase)

    def discard(self) -> Outputs:
        """Leave it off: the log does not give it to us any more."""
        if self._discarded or self.phase in PAST_IT:
            return []
        self._discarded = True
        if self.phase is Phase.ADOPTED:
            return self._enter(Phase.RUNNING)
        if self.phase is Phase.RUNNING:
            return [] if self._stop_asked else [Stop(key=self.key)]
        if self.phase is Phase.STARTING:
            return []  # its end is near; it must not be removed under the executor
        return [Abort(key=self.key), *self._enter(Phase.REMOVING)]

    def step(self, signal: OfAttempt | Answered, now: float) -> Outputs:
        """Return what is to be done after this; what comes too late does nothing."""
        match self.phase, signal:
            case _, Answered():
                return self._answered(signal, now)
            case _, StopAsked():
                return self._stop()
            case _, Failed():
                return self._failed(signal, now)
            case Phase.DOWNLOADING, InputsReady():
                return self._go_on(Phase.CLAIMING)
            case Phase.STARTING, ProcessStarted():
                return self._go_on(Phase.RUNNING)
            case Phase.STARTING, SpawnFailed():
                self._failure = "spawn_failed"
                return self._report()
            case Phase.RUNNING, ProcessEnded():
                return self._ended(signal.outcome)
            case Phase.COLLECTING, Collected():
                return self._collected(signal.results)
            case Phase.DELIVERING, ResultsDelivered():
                return self._report()
            case Phase.REPORTING, Settled():
                return self._go_on(Phase.REMOVING)
            case Phase.REMOVING, Removed():
                return self._enter(Phase.GONE)
            case _:
                return []

    def _answered(self, signal: Answered, now: float) -> Outputs:
        if type(signal.report) is not AWAITED.get(self.phase):
            return []
        match signal.answer:
            case Accepted() if self.phase is Phase.CLAIMING:
                return self._report() if self._failure else self._go_on(Phase.STARTING)
            case Fetched() as fetched if self.phase is not Phase.CLAIMING:
                self._fetched = fetched
                is_first = self.phase is Phase.FETCHING
                return self._enter(Phase.DOWNLOADING if is_first else Phase.DELIVERING)
            case Refused(code="unknown_client"):
                return [*self._later(self.phase, now), Rejoin()]
            case Refused():
                return self.discard()
            case _:
                return self._later(self.phase, now)

    def _ended(self, outcome: Outcome) -> Outputs:
        self._outcome = outcome
        if self._discarded:
            return self._enter(Phase.REMOVING)
        # Stopped, but not because the log said so: an agent that was stopped with its
        # jobs. That is no result.
        is_result = outcome.failure in {None, "unkillable"} and (
            self._stop_asked or not outcome.stopped
        )
        return self._go_on(Phase.COLLECTING) if is_result else self._report()

    def _collected(self, results: Results | None) -> Outputs:
        self._results, self._afresh = results, False
        if results is None:
            return self._report()
        return self._enter(Phase.DELIVERING if self._fetched else Phase.RENEWING)

    def _failed(self, signal: Failed, now: float) -> Outputs:
        match self.phase, signal.problem:
            case Phase.DOWNLOADING, "gone":
                # Only what is claimed can fail: claim it, and then say so.
                self._failure = "spawn_failed"
                return self._go_on(Phase.CLAIMING)
            case Phase.DOWNLOADING, "unauthorized":
                return self._later(Phase.FETCHING, now)
            case Phase.DELIVERING, "unauthorized" | "gone":
                return self._later(Phase.RENEWING, now)
            case Phase.DELIVERING, "rejected":
                self._afresh = True
                return self._later(Phase.COLLECTING, now)
            case phase, _ if phase in CAN_FAIL:
                return self._later(phase, now)
            case _:
                return []

    def _stop(self) -> Outputs:
        if self._stop_asked or self._discarded:
            return []
        self._stop_asked = True
        if self.phase is Phase.RUNNING:
            return [Stop(key=self.key)]
        if self.phase in BEFORE_PROCESS:
            return [Abort(key=self.key), *self._report()]
        return []

    def _report(self) -> Outputs:
        return self._go_on(Phase.REMOVING if self._discarded else Phase.REPORTING)

    def _go_on(self, phase: Phase) -> Outputs:
        self._tries = 0
        return self._enter(phase)

    def _later(self, phase: Phase, now: float) -> Outputs:
        self.phase = phase
        self._tries += 1
        self.retry_at = now + backoff_seconds(self._tries)
        return []

    def _enter(self, phase: Phase) -> Outputs:
        self.phase, self.retry_at = phase, None
        if self._held_back and phase in BEFORE_PROCESS:
            return []
        return self._wanted()

    def _wanted(self) -> Outputs:
        key = self.key
        match self.phase:
            case Phase.FETCHING | Phase.RENEWING | Phase.CLAIMING:
                return [Ask(report=self._question())]
            case Phase.DOWNLOADING:
                return [Download(key=key, fetched=self._right())]
            case Phase.STARTING:
                return [Run(key=key, fetched=self._right())]
            case Phase.RUNNING:
                stop = self._stop_asked or self._discarded
                return [Watch(key=key), *([Stop(key=key)] if stop else [])]
            case Phase.COLLECTING:
                return [Collect(key=key, afresh=self._afresh)]
            case Phase.DELIVERING:
                return [Deliver(key=key, token=self._right().token)]
            case Phase.REPORTING:
                return [Keep(report=self._final_report())]
            case Phase.REMOVING:
                return [Remove(key=key)]
            case Phase.WAITING | Phase.ADOPTED | Phase.GONE:
                return []
            case _:
                assert_never(self.phase)

    def _question(self) -> Fetch | Started:
        job_id, attempt = self.key
        client_id, incarnation = self._holder.client_id, self._holder.incarnation
        if self.phase is not Phase.CLAIMING:
            return Fetch(client_id=client_id, job_id=job_id, attempt=attempt)
        return Started(
            client_id=client_id,
            job_id=job_id,
            attempt=attempt,
            incarnation=incarnation,
        )

    def _right(self) -> Fetched:
        assert self._fetched is not None  # noqa: S101 - no phase needs it before FETCHING
        return self._fetched

    def _final_report(self) -> Final:
        return final_report(
            self.key,
            self._holder.client_id,
            failure=self._failure,
            outcome=self._outcome,
            results=self._results,
        )
