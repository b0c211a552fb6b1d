"""Every error that a caller can act on; each makes its message once, from facts."""
# Over 300 lines: the whole tree of errors is read in one place; each class is short.

from typing import Literal


class OrchestratorError(Exception):
    """The root of everything this project raises on purpose."""


class LogError(OrchestratorError):
    """The event log could not do what was asked."""


class FenceError(LogError):
    """Somebody else has written: the log refused, nothing was stored."""

    def __init__(self, *, expected: int) -> None:
        self.expected = expected
        super().__init__(f"the log's end is no longer at position {expected}")


class AppendDoubtError(LogError):
    """Nobody knows whether the append was stored: read the log to find out."""

    def __init__(self, *, why: str) -> None:
        self.why = why
        super().__init__(f"the outcome of an append is unknown: {why}")


class LogFullError(LogError):
    """The log has reached its size limit; nothing was stored."""

    def __init__(self) -> None:
        super().__init__(
            "the event log is full: raise the stream's max_bytes or seal old parts",
        )


class EventTooLargeError(LogError):
    """An event is larger than the log takes; nothing was stored."""

    def __init__(self, *, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(f"an event of {size} bytes is over the limit of {limit}")


class LogUnreachableError(LogError):
    """No NATS server answers at the configured address."""

    def __init__(self, *, url: str, why: str) -> None:
        self.url = url
        super().__init__(
            f"no NATS server answers at {url} ({why}): "
            "start one, or correct the setting nats.url",
        )


class LogTooOldError(LogError):
    """The NATS server lacks what the log needs."""

    def __init__(self, *, version: str, needed: str) -> None:
        super().__init__(
            f"the NATS server is version {version}; version {needed} or newer is "
            "needed (atomic batches): upgrade it",
        )


class LogMissingError(LogError):
    """There is no log to read."""

    def __init__(self, *, stream: str) -> None:
        super().__init__(
            f"there is no stream {stream} at this NATS server: start a server first, "
            "or correct the settings nats.url and nats.stream",
        )


class LogMismatchError(LogError):
    """The stream exists with other settings than ours."""

    def __init__(self, *, stream: str, setting: str, found: str, needed: str) -> None:
        super().__init__(
            f"the stream {stream} has {setting} = {found} but {needed} is needed: "
            "correct it with the nats command line, or name another stream",
        )


class DurabilityError(LogError):
    """The log does not flush every message to disk, or nobody can tell."""

    def __init__(self, *, why: str) -> None:
        super().__init__(
            f"{why}: set 'sync_interval: always' in the jetstream block of the NATS "
            "server and give nats.monitoring_urls (or declare nats.durability = "
            '"always"), or start with --unsafe-durability',
        )


class LogLiedError(LogError):
    """The log no longer holds what it once acknowledged."""

    def __init__(self, *, position: int, why: str) -> None:
        self.position = position
        super().__init__(
            f"the log is not the one this server knew: {why} (position {position}); "
            "see ops/runbooks/log-lied.md",
        )


class UndecodableEventError(LogError):
    """A message in the log cannot be read by this version; it is never skipped."""

    def __init__(self, *, position: int, why: str) -> None:
        self.position = position
        super().__init__(
            f"the message at position {position} cannot be decoded: {why}; this "
            "server stops rather than skip it: run a version that knows it",
        )


class CommandRejectedError(OrchestratorError):
    """A command was understood and refused; nothing has changed.

    `settled`: the refusal rests on what can never change, so it needs no proof that
    whoever refuses still leads. Each fact is kept under its parameter's name, so that
    a refusal can travel from the leader to whoever was asked: `writer/refusals.py`.
    """

    settled: bool = False


class UnknownJobError(CommandRejectedError):
    """No job has this id."""

    def __init__(self, *, job: str) -> None:
        self.job = job
        super().__init__(f"job {job} not found")


class UnknownServiceError(CommandRejectedError):
    """No service has this name, or it takes no new jobs."""

    def __init__(self, *, service: str, known: tuple[str, ...]) -> None:
        self.service = service
        self.known = known
        names = ", ".join(known) or "none is configured"
        super().__init__(f"unknown service {service!r}; known services: {names}")


class JobEndedError(CommandRejectedError):
    """The job has already ended; its end is final."""

    settled = True

    def __init__(self, *, job_id: str, state: str) -> None:
        self.job_id = job_id
        self.state = state
        super().__init__(f"job {job_id} has already ended: {state}")


class StaleAttemptError(CommandRejectedError):
    """A client reported on an attempt that is not its own any more."""

    def __init__(self, *, reported: int, current: int) -> None:
        self.reported = reported
        self.current = current
        # An attempt above the one we know may be news that we have missed.
        self.settled = reported < current
        super().__init__(
            f"attempt {reported} is not held by this client (current: {current}): "
            "stop it and discard its files",
        )


class IdempotencyConflictError(CommandRejectedError):
    """The same idempotency key came with another body."""

    settled = True

    def __init__(self, *, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(
            "this Idempotency-Key was used before with other contents: "
            "send the same body, or another key",
        )


class UnknownClientError(CommandRejectedError):
    """The client has not joined, or was lost or has left since: it must join."""

    def __init__(self, *, client_id: str) -> None:
        self.client_id = client_id
        super().__init__(f"client {client_id} has not joined: join first")


class ClientHeldError(CommandRejectedError):
    """Another incarnation of this client is at work."""

    def __init__(self, *, client_id: str, holder: str) -> None:
        self.client_id = client_id
        self.holder = holder
        super().__init__(
            f"client {client_id} is already run by incarnation {holder}: "
            "stop that agent, or give this one a state directory of its own",
        )


class VersionRefusedError(CommandRejectedError):
    """The client speaks a protocol that this server does not."""

    settled = True

    def __init__(self, *, client: str, server: str) -> None:
        self.client = client
        self.server = server
        super().__init__(
            f"client version {client} cannot be served by server version {server}: "
            "install the same release on both",
        )


class ForbiddenError(CommandRejectedError):
    """The principal may not do this."""

    def __init__(self, *, principal: str, deed: str) -> None:
        self.principal = principal
        self.deed = deed
        super().__init__(f"{principal} may not {deed}")


class InvalidCommandError(CommandRejectedError):
    """A field of the command has a value that cannot be."""

    settled = True

    def __init__(self, *, field: str, why: str) -> None:
        self.field = field
        self.why = why
        super().__init__(f"{field}: {why}")


class NotLeadingError(OrchestratorError):
    """This server does not lead at the moment: ask again shortly."""

    def __init__(self) -> None:
        super().__init__("no leader has answered yet: try again in a few seconds")


class OutcomeUnknownError(OrchestratorError):
    """The command was sent to the log, and nobody knows yet whether it was stored."""

    def __init__(self) -> None:
        super().__init__(
            "the log's answer is in doubt: look before you submit again",
        )


class LogAccessError(LogError):
    """The NATS server is there but refuses the user or the password."""

    def __init__(self, *, url: str) -> None:
        super().__init__(
            f"the NATS server at {url} refuses this user: "
            "correct the settings nats.user and nats.password",
        )


class SettingError(OrchestratorError):
    """A setting is malformed; says where it stands and what it needs."""

    def __init__(self, *, where: str, why: str) -> None:
        self.where = where
        super().__init__(f"{where}: {why}")


class FilesError(OrchestratorError):
    """Inputs or results could not be stored, read or believed."""


class DataDirectoryError(FilesError):
    """The directory for inputs and results cannot be used."""

    def __init__(self, *, directory: str, why: str) -> None:
        self.directory = directory
        super().__init__(
            f"cannot write to the data directory {directory} ({why}): "
            "correct its owner and mode, or name another directory",
        )


class StorageFullError(FilesError):
    """There is no room left for inputs and results."""

    def __init__(self, *, directory: str) -> None:
        self.directory = directory
        super().__init__(f"no space is left for files in {directory}")


class FileMissingError(FilesError):
    """Nothing is stored under a key, or less than was asked for."""

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"there is no stored file {key}")


class BundleUnsafeError(FilesError):
    """A bundle names something that must not be unpacked."""

    def __init__(self, *, name: str, why: str) -> None:
        self.name = name
        self.why = why
        super().__init__(f"the bundle's entry {name!r} is refused: it {why}")


class BundleBrokenError(FilesError):
    """A bundle is not a readable zip archive."""

    def __init__(self, *, path: str, why: str) -> None:
        self.path = path
        super().__init__(f"the bundle {path} cannot be read: {why}")


class ManifestMalformedError(FilesError):
    """A manifest cannot be decoded."""

    def __init__(self, *, why: str) -> None:
        super().__init__(f"the manifest cannot be read: {why}")


class ArchiveMismatchError(FilesError):
    """An archive does not hold what its manifest says."""

    def __init__(self, *, path: str, why: str) -> None:
        self.path = path
        self.why = why
        super().__init__(f"{path}: {why}")


class UploadError(OrchestratorError):
    """An upload was refused; nothing of it is kept."""


class UploadMalformedError(UploadError):
    """The body is not the multipart form that it should be."""

    def __init__(self, *, why: str) -> None:
        self.why = why
        super().__init__(f"the upload cannot be read: {why}")


class UploadTooLargeError(UploadError):
    """The upload passes a limit; `what` names which: the body or a part of it."""

    def __init__(self, *, what: str, limit: int, unit: str = "bytes") -> None:
        self.what = what
        self.limit = limit
        super().__init__(f"the upload's {what} passes the limit of {limit} {unit}")


class UploadTooSlowError(UploadError):
    """The body did not arrive in time; `what` is "pause" or "whole body"."""

    def __init__(self, *, what: str, seconds: float) -> None:
        self.what = what
        self.seconds = seconds
        super().__init__(
            f"the upload is too slow: its {what} took over {seconds:g} s",
        )


class ExecutorError(OrchestratorError):
    """An executor could not do what was asked."""


class UnknownExecutorError(ExecutorError):
    """No executor of that name is installed."""

    def __init__(self, *, name: str, known: list[str]) -> None:
        self.name = name
        super().__init__(
            f"there is no executor {name!r}: choose one of {', '.join(known)}, or "
            "install the package that provides it",
        )


class ExecutorBusyError(ExecutorError):
    """Another agent uses the same control directory."""

    def __init__(self, *, directory: str) -> None:
        super().__init__(
            f"another client already uses {directory}: stop it, or give this one a "
            "state directory of its own",
        )


class SpawnerUnavailableError(ExecutorError):
    """No spawner answers, and none can be started."""

    def __init__(self, *, directory: str, why: str) -> None:
        super().__init__(
            f"no spawner serves {directory}: {why} (see spawner.log there)",
        )


class SpawnFailedError(ExecutorError):
    """An attempt's first process could not be started."""

    def __init__(self, *, argv: tuple[str, ...], why: str) -> None:
        self.argv = argv
        self.why = why
        super().__init__(f"cannot start {argv[0] if argv else 'nothing'}: {why}")


class ApiError(OrchestratorError):
    """An HTTP request could not be met; `api/problems.py` knows the status."""


class PortTakenError(ApiError):
    """Another process listens on the API's port."""

    def __init__(self, *, host: str, port: int) -> None:
        self.port = port
        super().__init__(
            f"port {port} on {host} is taken: "
            "stop the other program, or choose another port (setting server.port)",
        )


class AddressUnusableError(ApiError):
    """The API cannot listen on the configured address."""

    def __init__(self, *, host: str, port: int, why: str) -> None:
        super().__init__(
            f"cannot listen on {host} port {port} ({why}): "
            "correct the settings server.host and server.port",
        )


class RemoteRefusedError(ApiError):
    """The API would be open to the network and nobody has said so."""

    def __init__(self, *, host: str) -> None:
        super().__init__(
            f"{host} can be reached from other machines, and callers are believed "
            "without a password: set server.host to 127.0.0.1, or "
            "server.allow_remote = true behind a proxy that authenticates",
        )


class ReadModelBehindError(ApiError):
    """This server has not yet read what it would need to know to answer."""

    def __init__(self, *, reached: int, wanted: int | None = None) -> None:
        self.wanted = wanted
        self.reached = reached
        whither = "its end" if wanted is None else str(wanted)
        super().__init__(
            f"this server has read the log up to position {reached}, not yet to "
            f"{whither}: try again in a moment",
        )


class MalformedRequestError(ApiError):
    """A part of the request cannot be understood."""

    def __init__(self, *, field: str, why: str) -> None:
        self.field = field
        super().__init__(f"{field}: {why}")


class BodyTooLargeError(ApiError):
    """The body of a request is larger than this route takes."""

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the body is over the limit of {limit} bytes")


class JobNotEndedError(ApiError):
    """The job's results were asked for before it ended."""

    def __init__(self, *, job_id: str, state: str) -> None:
        self.state = state
        super().__init__(f"job {job_id} has not ended: it is {state}")


class NoResultsError(ApiError):
    """The job ended without leaving any file."""

    def __init__(self, *, job_id: str, state: str) -> None:
        self.state = state
        super().__init__(f"job {job_id} left no results: it is {state}")


class ServiceMissingError(UnknownServiceError):
    """The service that a request's path names does not exist."""


class FormFieldError(ApiError):
    """A field of the original's upload form is missing, or has no possible value."""

    def __init__(self, *, field: str, fault: str) -> None:
        self.field = field
        super().__init__(f"{fault} {field}")


class HangUpError(ApiError):
    """The caller went away before its request's body had ended."""

    def __init__(self) -> None:
        super().__init__("the connection was closed before the body's end")


class RangeUnsatisfiableError(ApiError):
    """The wanted part lies outside the file."""

    def __init__(self, *, size: int) -> None:
        self.size = size
        super().__init__(f"the range lies outside the file's {size} bytes")


class TransferRefusedError(ApiError):
    """A transfer token is missing, forged, expired or for another attempt."""

    def __init__(self, *, why: str) -> None:
        super().__init__(f"the transfer token is refused: {why}")


class TransferMismatchError(ApiError):
    """What arrived is not what the path or the manifest says; nothing was kept."""

    def __init__(self, *, field: str, expected: object, found: object) -> None:
        self.field = field
        super().__init__(
            f"{field} is {found} but {expected} was announced: send it again",
        )


class ServerUnreachableError(OrchestratorError):
    """No job-orchestrator server answers at the address."""

    def __init__(self, *, url: str, why: str) -> None:
        self.url = url
        super().__init__(
            f"no server answers at {url} ({why}): start one with 'job-orchestrator "
            "up', or say where it is with --server or JOB_ORCHESTRATOR_URL",
        )


class ServerRefusedError(OrchestratorError):
    """The server answered, and the answer is no."""

    def __init__(self, *, status: int, detail: str, body: bytes = b"") -> None:
        self.status = status
        self.body = body
        super().__init__(detail)


class NotOurServerError(OrchestratorError):
    """What answered at the address does not speak our API."""

    def __init__(self, *, url: str, why: str) -> None:
        super().__init__(
            f"what answers at {url} is not a job-orchestrator server of this version "
            f"({why}): correct --server or JOB_ORCHESTRATOR_URL",
        )


class LocalFileError(OrchestratorError):
    """A file of the caller cannot be used."""

    def __init__(self, *, path: object, why: str) -> None:
        super().__init__(f"{path}: {why}")


class DemoFailedError(OrchestratorError):
    """The demo's job did not end as it should."""

    def __init__(self, *, why: str) -> None:
        super().__init__(f"the demo's job {why}")


class ServerPartMissingError(OrchestratorError):
    """Only the client is installed here."""

    def __init__(self, *, package: str) -> None:
        super().__init__(
            f"this command needs the server's packages ({package} is missing): "
            "install job-orchestrator[server]",
        )


class ReadModelError(OrchestratorError):
    """The read models' file cannot be used."""


class ReadModelHeldError(ReadModelError):
    """Another process has the read models' file open; it belongs to one at a time."""

    def __init__(self, *, path: str) -> None:
        self.path = path
        super().__init__(
            f"the read models in {path} are held by another process: stop that "
            "server first, or give this one another data directory",
        )


class ReadModelUnusableError(ReadModelError):
    """The read models' file cannot be opened or written."""

    def __init__(self, *, path: str, why: str) -> None:
        self.path = path
        super().__init__(
            f"the read models in {path} cannot be used ({why}): make room or "
            "correct the rights; a damaged file is made anew by "
            "'job-orchestrator rebuild', the log holds everything",
        )


class ReadModelOutdatedError(ReadModelError):
    """The read models were folded by other projections than this version's."""

    def __init__(self, *, path: str, found: str, needed: str) -> None:
        self.path = path
        super().__init__(
            f"the read models in {path} hold {found} but {needed} are needed: "
            "run 'job-orchestrator rebuild'",
        )


class EmbeddedServerError(LogError):
    """The embedded NATS server could not start, or has died."""

    def __init__(self, *, why: str, log_file: str, last_lines: str) -> None:
        self.last_lines = last_lines
        super().__init__(
            f"the embedded NATS server {why}; its log, {log_file}, ends with:\n"
            f"{last_lines}",
        )


class EmbeddedPortTakenError(LogError):
    """Another process listens where the embedded NATS server should."""

    def __init__(self, *, address: str) -> None:
        super().__init__(
            f"the embedded NATS server cannot listen on {address}, it is taken: "
            "stop the other program, or choose another port",
        )


class EmbeddedDirectoryInUseError(LogError):
    """Another embedded NATS server has this directory open."""

    def __init__(self, *, directory: str) -> None:
        super().__init__(
            f"another NATS server uses {directory}: "
            "stop it, or choose another directory",
        )


class ClientError(OrchestratorError):
    """An agent cannot serve as a client."""


class ClientDirectoryHeldError(ClientError):
    """Another agent runs on the same state directory."""

    def __init__(self, *, directory: str) -> None:
        self.directory = directory
        super().__init__(
            f"another client already runs on {directory}: stop it, or give this one "
            "a state directory of its own",
        )


class ClientDirectoryError(ClientError):
    """A client's state directory cannot be used."""

    def __init__(self, *, directory: str, why: str) -> None:
        self.directory = directory
        super().__init__(f"the client's state directory {directory} is no use: {why}")


class JoinRefusedError(ClientError):
    """The hub refuses this client for good."""

    def __init__(self, *, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"the server refuses this client ({code}): {message}")


class TransferFailedError(ClientError):
    """A client's transfer did not work; `problem` says what may be done about it."""

    def __init__(
        self,
        *,
        problem: Literal["gone", "unauthorized", "rejected", "trouble"],
        why: str,
    ) -> None:
        self.problem: Literal["gone", "unauthorized", "rejected", "trouble"] = problem
        super().__init__(f"the transfer failed ({problem}): {why}")


class DataDirectoryHeldError(OrchestratorError):
    """Another server works in the data directory."""

    def __init__(self, *, directory: str) -> None:
        super().__init__(
            f"another server already uses the data directory {directory}: stop it, or "
            "give this one its own (setting server.directory)",
        )


class ReaderGoneError(OrchestratorError):
    """Whoever read our output has what it wanted."""

    def __init__(self) -> None:
        super().__init__("nobody reads the output any more")


class ScriptError(OrchestratorError):
    """A script could not be read as the shell would read it."""


class ScriptUnparsedError(ScriptError):
    """It is no shell script, or reading it costs more than we spend on one."""

    def __init__(self, *, line: int | None) -> None:
        self.line = line  # of the syntax error; none where a limit was met
        where = "within the limits" if line is None else f"from line {line} on"
        super().__init__(f"the script cannot be parsed {where}")


class ScriptParserMissingError(ScriptError):
    """The parser for shell scripts is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the program shfmt, which reads scripts for the script policy, is not "
            "installed: install the package shfmt-py",
        )


class OriginalUnreadableError(OrchestratorError):
    """What is said to be of the original is something else."""

    def __init__(self, *, path: object, why: str) -> None:
        super().__init__(f"{path}: {why}: correct --db or --data")
