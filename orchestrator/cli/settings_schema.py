"""Every key that can be set, with its type, default and meaning."""

from pathlib import Path
from typing import Annotated, Literal, override

import msgspec
from msgspec import Meta, Struct

from orchestrator.cli.settings_original import Notice
from orchestrator.errors import SettingError

DEFAULT_URL = "http://127.0.0.1:5000"


class Secret:
    """A text that does not show itself, neither in a log line nor in an error."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    @override
    def __repr__(self) -> str:
        return "Secret(…)"


class ServerSettings(Struct, frozen=True, kw_only=True):
    """What answers HTTP and keeps files and read models."""

    host: Annotated[
        str,
        Meta(
            description="Address to listen on. Others than loopback need allow_remote."
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    ] = 5000
    directory: Annotated[
        Path,
        Meta(description="Where uploads, results and read models are kept."),
    ] = Path("job-orchestrator-data")
    files_directory: Annotated[
        Path | None,
        Meta(
            description="Where uploads, results and the key of transfer tokens are "
            "kept, when several servers share them; unset: in directory."
        ),
    ] = None
    allow_remote: Annotated[
        bool,
        Meta(
            description="Listen on an address that other machines reach. Callers are "
            "believed, so this needs a portal or proxy in front that knows its users."
        ),
    ] = False
    max_upload_bytes: Annotated[
        int, Meta(ge=1, description="Largest upload that is taken (400 MiB).")
    ] = 400 * 1024 * 1024
    upload_pause_seconds: Annotated[
        float, Meta(ge=1, description="Longest pause within an upload.")
    ] = 30.0
    upload_total_seconds: Annotated[
        float, Meta(ge=1, description="Longest time for a whole upload.")
    ] = 900.0
    root_path: Annotated[
        str,
        Meta(
            pattern=r"^(/[A-Za-z0-9._~-]+)*$",
            extra={"needs": 'a path such as "/jobs-api"'},
            description="Path under which a reverse proxy shows this server, for "
            "links and the documentation; empty: it is shown as it is.",
        ),
    ] = ""
    max_age_seconds: Annotated[
        int,
        Meta(
            ge=1,
            description="How long a finished job's files are kept (10 days). Not used "
            "yet: they are kept for good.",
        ),
    ] = 864_000
    lease_seconds: Annotated[
        float,
        Meta(ge=1, description="How long a client may be silent and still be trusted."),
    ] = 10.0
    grace_seconds: Annotated[
        float,
        Meta(ge=0, description="How much longer until its jobs are given to others."),
    ] = 5.0


class NatsSettings(Struct, frozen=True, kw_only=True):
    """The NATS server that holds the event log."""

    url: Annotated[
        str,
        Meta(description="Address of the NATS server; several separated by commas."),
    ] = "nats://127.0.0.1:4222"
    user: Annotated[str | None, Meta(description="User at the NATS server.")] = None
    password: Annotated[
        Secret | None,
        Meta(description="Its password; better kept in password_file."),
    ] = None
    password_file: Annotated[
        Path | None,
        Meta(description="File whose first line is the password."),
    ] = None
    stream: Annotated[
        str, Meta(description="Name of the stream that is the event log.")
    ] = "ORCHESTRATOR"
    replicas: Annotated[
        Literal[1, 3, 5],
        Meta(description="Copies of the stream, when it is made: 3 in production."),
    ] = 1
    monitoring_urls: Annotated[
        tuple[str, ...],
        Meta(
            description="Monitoring address of every node; asked at start whether it "
            "flushes each message to disk."
        ),
    ] = ()
    durability: Annotated[
        Literal["always"] | None,
        Meta(
            description='"always" states that every node has sync_interval: always, '
            "where no monitoring address can be given."
        ),
    ] = None
    unsafe_durability: Annotated[
        bool,
        Meta(
            description="Start although a power failure may lose accepted jobs. For "
            "trials only."
        ),
    ] = False

    def reveal_password(self) -> str | None:
        """Return the password, from the setting or from its file.

        Raises:
            SettingError: the file cannot be read.
        """
        if self.password is not None or self.password_file is None:
            return self.password and self.password.reveal()
        try:
            return self.password_file.read_text(encoding="utf-8").split("\n", 1)[0]
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(
                where="nats.password_file",
                why=f"{self.password_file} cannot be read: correct path or permissions",
            ) from error


class ClientSettings(Struct, frozen=True, kw_only=True):
    """One client: where it gets work, and what it runs it on."""

    server: Annotated[
        str, Meta(description="URL of the server, for inputs and results.")
    ] = DEFAULT_URL
    directory: Annotated[
        Path,
        Meta(description="Its identity, work directories and unsent reports."),
    ] = Path("job-orchestrator-client")
    name: Annotated[
        str | None, Meta(description="Label shown in lists; unset: the host name.")
    ] = None
    slots: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Jobs at the same time; unset: the number of CPUs."),
    ] = None
    services: Annotated[
        tuple[str, ...], Meta(description="Services it works for; empty: all.")
    ] = ()
    executor: Annotated[str, Meta(description="What runs the jobs.")] = "process"
    heartbeat_seconds: Annotated[
        float,
        Meta(
            ge=0.1, description="Time between two signs of life; below lease_seconds."
        ),
    ] = 2.0
    environment: Annotated[
        dict[str, str], Meta(description="Variables that every job gets besides.")
    ] = msgspec.field(default_factory=dict[str, str])


class ServiceSettings(Struct, frozen=True, kw_only=True):
    """What holds for one service, `[services.<name>]`: declaring it creates it."""

    runs_per_user: Annotated[
        int, Meta(ge=1, description="Jobs of one user at the same time.")
    ] = 5
    max_runs: Annotated[
        int, Meta(ge=1, description="Jobs of all users at the same time.")
    ] = 10
    script_policy: Annotated[
        Literal["off", "warn", "deny"],
        Meta(
            description="What happens to a run.sh that breaks rules "
            "(ops/script-policy.md): nothing, a warning, or it is refused."
        ),
    ] = "deny"
    script_allow: Annotated[
        tuple[str, ...],
        Meta(
            description="Rules that do not count here: `network.curl`, or all of "
            "`network`."
        ),
    ] = ()


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that is set, from command line, environment, file and defaults."""

    server: ServerSettings
    nats: NatsSettings
    client: ClientSettings
    services: dict[str, ServiceSettings]
    notices: tuple[Notice, ...] = ()
