"""Who waits, and who is next: fair over services, and over users within each.

A flow (service, user) that has reached its limit is parked, and so is a service at
its own; both are armed again when a job ends or a limit is raised.
"""

from collections import OrderedDict
from collections.abc import Iterator

from orchestrator.domain.events import AssignmentReason
from orchestrator.domain.fair_queue import FairQueue
from orchestrator.domain.ids import JobId, ServiceName, UserId
from orchestrator.domain.service import ServicePolicy
from projections.state.quota import QuotaState

# Idle flows are swept when so many have come by.
_SWEEP_EVERY = 1_024


class ServiceQueue:
    """The waiting jobs of one service, in lanes by user."""

    def __init__(self, fair: FairQueue[UserId] | None = None) -> None:
        self.fair = fair or FairQueue[UserId]()
        # Ordered dicts: first, removal anywhere and putting back in front are O(1).
        self.lanes: dict[UserId, OrderedDict[JobId, None]] = {}
        self._emptied = 0

    def add(self, user: UserId, job_id: JobId) -> None:
        """Append a job to its user's lane."""
        self.lanes.setdefault(user, OrderedDict())[job_id] = None
        self.fair.activate(user)

    def put_back(self, user: UserId, job_id: JobId) -> None:
        """Put a job whose attempt was lost before the others of its user."""
        self.add(user, job_id)
        self.lanes[user].move_to_end(job_id, last=False)

    def remove(self, user: UserId, job_id: JobId) -> None:
        """Take a job out, wherever it stands."""
        lane = self.lanes.get(user)
        if lane is None or job_id not in lane:
            return
        del lane[job_id]
        if not lane:
            del self.lanes[user]
            self.fair.deactivate(user)
            self._sweep()

    def head(self, user: UserId) -> JobId:
        """Return the job that a user's lane gives next."""
        return next(iter(self.lanes[user]))

    def position(self, user: UserId, job_id: JobId) -> int:
        """Return how many of this service are served up to this job, itself included.

        Exact while no limit holds anybody up, nobody comes and nobody cancels.
        """
        turn = list(self.lanes[user]).index(job_id) + 1
        first, second = self.fair.tag(user), self.fair.tag_after(user)
        tag = first if turn == 1 else second + turn - 2
        return turn + sum(
            min(len(lane), self._turns_before(other, tag, user))
            for other, lane in self.lanes.items()
            if other != user
        )

    def _turns_before(self, other: UserId, tag: int, user: UserId) -> int:
        """Return how often a user's turn comes before another's at a tag."""
        comes_first = (self.fair.tag(other), other) < (tag, user)
        second = self.fair.tag_after(other)
        return comes_first + max(0, tag - second + (other < user))

    def _sweep(self) -> None:
        self._emptied += 1
        if self._emptied >= _SWEEP_EVERY:
            self._emptied = 0
            self.fair.forget_settled()


class QueueState:
    """All services' queues under one fair order of services."""

    def __init__(self, quota: QuotaState) -> None:
        self.quota = quota
        self.policies: dict[ServiceName, ServicePolicy] = {}
        self.queues: dict[ServiceName, ServiceQueue] = {}
        self.fair: FairQueue[ServiceName] = FairQueue()

    def configure(self, policy: ServicePolicy) -> None:
        """Put a service's limits in force."""
        self.policies[policy.service] = policy
        queue = self.of(policy.service)
        for user in queue.lanes:
            self._arm_flow(policy.service, queue, user)
        self._arm_service(policy.service)

    def of(self, service: ServiceName) -> ServiceQueue:
        """Return a service's queue."""
        if service not in self.queues:
            self.queues[service] = ServiceQueue()
        return self.queues[service]

    def add(self, service: ServiceName, user: UserId, job_id: JobId) -> None:
        """A job was submitted."""
        self.of(service).add(user, job_id)
        self.rearm(service, user)

    def put_back(self, service: ServiceName, user: UserId, job_id: JobId) -> None:
        """A job's attempt was lost."""
        self.of(service).put_back(user, job_id)
        self.rearm(service, user)

    def remove(self, service: ServiceName, user: UserId, job_id: JobId) -> None:
        """A job waits no more."""
        self.of(service).remove(user, job_id)
        self.rearm(service, user)

    def charge(
        self,
        service: ServiceName,
        user: UserId,
        reason: AssignmentReason,
    ) -> None:
        """A job was assigned: the flow and its service pay what the event says."""
        flow_tag, tag = reason.flow_tag, reason.service_tag
        queue, tag_after = self.of(service), self.fair.tag_after(service)
        queue.fair.charge(user, tag=flow_tag, tag_after=reason.flow_tag_after)
        self.fair.charge(service, tag=tag, tag_after=tag_after)

    def rearm(self, service: ServiceName, user: UserId) -> None:
        """Decide anew whether a flow and its service may be served."""
        self._arm_flow(service, self.of(service), user)
        self._arm_service(service)

    def runnable_services(self) -> Iterator[ServiceName]:
        """Yield services with a job that may run now, the next first."""
        return self.fair.in_order()

    def _arm_flow(
        self, service: ServiceName, queue: ServiceQueue, user: UserId
    ) -> None:
        policy = self.policies.get(service)
        room = policy and self.quota.of_user(service, user) < policy.runs_per_user
        if room and user in queue.lanes:
            queue.fair.arm(user)
        else:
            queue.fair.disarm(user)

    def _arm_service(self, service: ServiceName) -> None:
        queue, policy = self.of(service), self.policies.get(service)
        if not queue.lanes:
            self.fair.deactivate(service)
            return
        self.fair.activate(service)
        room = policy and self.quota.of_service(service) < policy.max_runs
        if room and queue.fair.first() is not None:
            self.fair.arm(service)
        else:
            self.fair.disarm(service)
