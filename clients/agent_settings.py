"""What an agent is told by whoever starts it."""

import os
import socket
from pathlib import Path

from msgspec import Struct, field

from orchestrator.domain.ids import ServiceName


def _cpu_count() -> int:
    return len(os.sched_getaffinity(0))


class AgentSettings(Struct, frozen=True, kw_only=True):
    """One client: where its hub is, and what it offers."""

    nats_url: str
    nats_user: str | None = None
    nats_password: str | None = None
    server_url: str
    directory: Path  # its state; a client without it is a new client
    name: str = field(default_factory=socket.gethostname)  # a label
    slots: int = field(default_factory=_cpu_count)
    services: tuple[ServiceName, ...] = ()  # empty: all
    executor: str = "process"
    path: str  # PATH of the jobs
    environment: dict[str, str] = field(default_factory=dict[str, str])  # added to it
    stop_with_jobs: bool = False  # else running jobs outlive the agent
    heartbeat_seconds: float = 2.0
