"""A client's report becomes a command, and the outcome becomes its answer."""

from datetime import timedelta
from typing import assert_never

import structlog
from msgspec import Struct

from orchestrator import clock, wire
from orchestrator.domain.commands import (
    Asked,
    Command,
    FetchInputs,
    JoinClient,
    LeaveClient,
    ReportEnded,
    ReportLost,
    ReportStarted,
    SyncClient,
)
from orchestrator.domain.events import Results
from orchestrator.domain.ids import ClientId, CommandId, PrincipalId
from orchestrator.domain.job import Assigned, Running
from orchestrator.domain.principal import Principal
from orchestrator.errors import (
    ClientHeldError,
    CommandRejectedError,
    LogFullError,
    NotLeadingError,
    OutcomeUnknownError,
    StaleAttemptError,
    UnknownClientError,
    UnknownJobError,
    VersionRefusedError,
)
from orchestrator.files.port import FileStore, manifest_key, result_key
from orchestrator.files.transfer_token import mint
from orchestrator.writer.commands import Answered
from orchestrator.writer.lead_signals import ClientHeard
from orchestrator.writer.office import Office

logger = structlog.stdlib.get_logger()

_TOKEN_LIFETIME = timedelta(hours=24)

_CODES: dict[type[CommandRejectedError], str] = {
    StaleAttemptError: "stale_attempt",
    UnknownJobError: "stale_attempt",
    UnknownClientError: "unknown_client",
    VersionRefusedError: "version_refused",
    ClientHeldError: "client_held",
}

type _JobReport = wire.Fetch | wire.Started | wire.Ended | wire.Lost


class Transfers(Struct, frozen=True, kw_only=True):
    """Where results are delivered, and the secret that signs the right to do so."""

    store: FileStore
    secret: bytes


class Reports:
    """Answers clients on behalf of the leader."""

    def __init__(self, office: Office, transfers: Transfers) -> None:
        self._office = office
        self._transfers = transfers

    def beat(self, heartbeat: wire.Heartbeat) -> wire.HeartbeatAnswer | None:
        """Return what a client should know of its assignments; nothing if none leads."""
        leader = self._office.leader
        if leader is None:
            return None
        leader.step(ClientHeard(heartbeat.client_id))
        clients, acknowledged = leader.lead.state.clients, leader.lead.acknowledged
        known = clients.joined.get(heartbeat.client_id)
        newest = clients.newest_assignment.get(heartbeat.client_id, 0)
        return wire.HeartbeatAnswer(
            # Nobody hears of what the log may yet refuse.
            assignment_position=newest if newest <= acknowledged else 0,
            known=known is not None and known.incarnation == heartbeat.incarnation,
        )

    async def answer(self, report: wire.Report) -> wire.Answer:
        """Return the leader's answer to a report."""
        try:
            if isinstance(report, wire.Ended) and not await self._delivered(report):
                return wire.Unavailable(message="its results have not been delivered")
            answered = await self._ask(report)
        except CommandRejectedError as error:
            return wire.Refused(
                code=_CODES.get(type(error), "invalid"),
                message=str(error),
            )
        except (NotLeadingError, OutcomeUnknownError, LogFullError) as error:
            return wire.Unavailable(message=str(error))
        if isinstance(report, wire.Join | wire.Sync):
            attempts = answered.attempts
            return wire.Synced(position=answered.position, attempts=attempts)
        if isinstance(report, wire.Fetch):
            return self._grant(report)
        return wire.Accepted(position=answered.position)

    async def _ask(self, report: wire.Report) -> Answered:
        leader = self._office.leader
        if leader is None:
            # Not for another server: the answer tells of this one's own state, and
            # the client asks whoever leads then.
            raise NotLeadingError
        # No command id: what a report asks is known by its job and attempt.
        return await leader.ask(
            Asked(
                command_id=CommandId(""),
                by=_principal(report.client_id),
                command=_command(report),
            ),
        )

    async def _delivered(self, report: wire.Ended) -> bool:
        if report.results is None:
            return True
        stored = await self._are_stored(report, report.results)
        if not stored:
            logger.warning(
                "results.missing",
                job_id=report.job_id,
                attempt=report.attempt,
            )
        return stored

    async def _are_stored(self, report: wire.Ended, results: Results) -> bool:
        name = (report.job_id, report.attempt, results.manifest_sha256)
        store = self._transfers.store
        archive = await store.size(result_key(*name))
        return (
            archive == results.size
            and await store.size(manifest_key(*name)) is not None
        )

    def _grant(self, report: wire.Fetch) -> wire.Answer:
        job = self._office.job(report.job_id)
        if not isinstance(job, Assigned | Running):  # it has ended since
            return wire.Refused(code="stale_attempt", message="the job has ended")
        facts = job.facts
        expires_at = clock.now().wall + _TOKEN_LIFETIME
        return wire.Fetched(
            token=mint(
                self._transfers.secret,
                report.job_id,
                report.attempt,
                expires_at,
            ),
            number=facts.number,
            service=facts.service,
            user=facts.user,
            bundle_sha256=facts.bundle.sha256,
            bundle_size=facts.bundle.size,
        )


def _principal(client_id: ClientId) -> Principal:
    return Principal(id=PrincipalId(f"client:{client_id}"), role="client")


def _command(report: wire.Report) -> Command:
    match report:
        case wire.Join():
            return JoinClient(
                client_id=report.client_id,
                incarnation=report.incarnation,
                name=report.name,
                version=report.version,
                protocol=report.protocol,
                slots=report.slots,
                services=report.services,
            )
        case wire.Sync():
            return SyncClient(
                client_id=report.client_id,
                incarnation=report.incarnation,
            )
        case wire.Leave():
            return LeaveClient(
                client_id=report.client_id,
                incarnation=report.incarnation,
            )
        case _:
            return _job_command(report)


def _job_command(report: _JobReport) -> Command:
    match report:
        case wire.Fetch():
            return FetchInputs(
                job_id=report.job_id,
                client_id=report.client_id,
                attempt=report.attempt,
            )
        case wire.Started():
            return ReportStarted(
                job_id=report.job_id,
                client_id=report.client_id,
                attempt=report.attempt,
                incarnation=report.incarnation,
            )
        case wire.Ended():
            return ReportEnded(
                job_id=report.job_id,
                client_id=report.client_id,
                attempt=report.attempt,
                exit_code=report.exit_code,
                signal=report.signal,
                failure=report.failure,
                results=report.results,
                usage=report.usage,
            )
        case wire.Lost():
            return ReportLost(
                job_id=report.job_id,
                client_id=report.client_id,
                attempt=report.attempt,
            )
        case _:
            assert_never(report)
