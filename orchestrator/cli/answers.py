"""What the API answers, as far as the command line reads it: more keys are welcome."""

from datetime import datetime

from msgspec import Struct

from orchestrator.cli.narration import end, invalid


class Submission(Struct, frozen=True, kw_only=True):
    """The answer to a job handed in."""

    job_id: str
    number: int
    state: str
    position: int


class Results(Struct, frozen=True, kw_only=True):
    """What a job left behind."""

    manifest_sha256: str
    size: int
    files: int


class Warned(Struct, frozen=True, kw_only=True):
    """A rule of the script policy that a script breaks, and may."""

    rule: str
    line: int | None = None
    snippet: str | None = None


class Job(Struct, frozen=True, kw_only=True):
    """A job as the server sees it."""

    job_id: str
    number: int
    service: str
    user: str
    state: str
    attempt: int = 0
    client_id: str | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_requested: bool = False
    reason: str | None = None
    line: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    labels: tuple[str, ...] = ()
    queue_position: int | None = None
    results: Results | None = None
    snippet: str | None = None
    warnings: tuple[Warned, ...] = ()

    @property
    def why(self) -> str | None:
        """Why it did not complete, or what it waits for."""
        match self.state:
            case "invalid":
                return invalid(self.reason, self.line)
            case "failed":
                return end(self.reason, self.exit_code, self.signal)
            case "queued" if self.queue_position is not None:
                return f"place {self.queue_position} in the queue"
            case "assigned" | "running" if self.cancel_requested:
                return "it is being cancelled"
            case _:
                return None


class Service(Struct, frozen=True, kw_only=True):
    """A service and its limits."""

    name: str
    runs_per_user: int
    max_runs: int
    source: str = ""
    retired: bool = False


class Client(Struct, frozen=True, kw_only=True):
    """A client and what it offers."""

    client_id: str
    name: str
    status: str
    slots: int
    version: str = ""
    services: tuple[str, ...] = ()
    changed_at: datetime | None = None
