"""Who may do what at the embedded NATS server, and its configuration."""

import json
import os
import secrets
from pathlib import Path
from typing import override

import msgspec

_FILE = "nats-users.json"
_PRIVATE = 0o600
_SECRET_BYTES = 24
_MAX_PAYLOAD_BYTES = 8 << 20
_MAX_LOG_BYTES = 10 << 20


class User(msgspec.Struct, frozen=True):
    """A NATS user and its password."""

    user: str
    password: str

    @override
    def __repr__(self) -> str:
        """Return the user without the secret, which must not reach a log."""
        return f"User(user={self.user!r})"


class Users(msgspec.Struct, frozen=True):
    """The three kinds of users: servers append, clients report, monitors watch."""

    server: User
    client: User
    monitor: User


class Configuration(msgspec.Struct, frozen=True):
    """What one embedded server is started with; port 0 means any free one."""

    directory: Path
    port: int
    monitoring_port: int
    log_file: Path


def ensure_users(directory: Path) -> Users:
    """Return the users of this directory, made when there are none yet.

    Raises:
        OSError: the directory cannot be read or written.
    """
    path = directory / _FILE
    if not path.exists():
        users = Users(*(_new_user(name) for name in Users.__struct_fields__))
        _write_private(path, msgspec.json.format(msgspec.json.encode(users)))
    return msgspec.json.decode(path.read_bytes(), type=Users)


def write_configuration(wanted: Configuration, users: Users) -> Path:
    """Return the file that the server is to be started with.

    Raises:
        OSError: the directory cannot be written.
    """
    path = wanted.directory / "nats-server.conf"
    _write_private(path, _text(wanted, users).encode())
    return path


def _new_user(name: str) -> User:
    return User(user=name, password=secrets.token_urlsafe(_SECRET_BYTES))


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only we may read; after a crash it is whole or not there."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(unfinished, flags, _PRIVATE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


def _text(wanted: Configuration, users: Users) -> str:
    return f"""\
listen: {_address(wanted.port)}
http: {_address(wanted.monitoring_port)}
ports_file_dir: {_quoted(wanted.directory)}
log_file: {_quoted(wanted.log_file)}
logfile_size_limit: {_MAX_LOG_BYTES}
logfile_max_num: 3
max_payload: {_MAX_PAYLOAD_BYTES}
jetstream {{
  store_dir: {_quoted(wanted.directory)}
  sync_interval: always
}}
authorization {{
  users: [
    {{ {_login(users.server)} }}
    {{
      {_login(users.client)}
      permissions {{
        publish {{ allow: ["reports.>", "heartbeats.>"] }}
        subscribe {{ allow: ["_INBOX.>", "log.assignments.>", "collect.>"] }}
        # One answer to each request that was delivered to it.
        allow_responses {{ max: 1, expires: "1m" }}
      }}
    }}
    {{
      {_login(users.monitor)}
      permissions {{
        publish {{ deny: ">" }}
        subscribe {{ allow: ["log.>", "_INBOX.>"] }}
      }}
    }}
  ]
}}
"""


def _address(port: int) -> str:
    return f"'127.0.0.1:{port or -1}'"  # -1: the server picks one


def _login(user: User) -> str:
    return f"user: {_quoted(user.user)}, password: {_quoted(user.password)}"


def _quoted(value: str | Path) -> str:
    # nats-server reads quoted UTF-8, but not JSON's \uXXXX.
    return json.dumps(str(value), ensure_ascii=False)
