"""Who a client is: an id that lives in its state directory, held by one agent."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from clients.durable import write_durably
from orchestrator.clock import new_id
from orchestrator.domain.ids import ClientId
from orchestrator.errors import ClientDirectoryError, ClientDirectoryHeldError
from orchestrator.file_lock import try_lock

_IDENTITY = "client.json"
_LOCK = "client.lock"


class Identity(Struct, frozen=True, kw_only=True):
    """What `client.json` holds."""

    client_id: ClientId


@contextmanager
def hold_directory(directory: Path) -> Generator[ClientId]:
    """Return a context in which this process alone is the directory's client.

    The directory and the id are made at first use.

    Raises:
        ClientDirectoryHeldError: another agent runs on it.
        ClientDirectoryError: it cannot be written, or its `client.json` is damaged.
    """
    lock = _take(directory)
    try:
        yield _identity(directory)
    finally:
        os.close(lock)


def _take(directory: Path) -> int:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = try_lock(directory / _LOCK)
    except OSError as error:
        raise ClientDirectoryError(
            directory=str(directory), why=f"{error.strerror}: correct owner and mode"
        ) from error
    if lock is None:
        raise ClientDirectoryHeldError(directory=str(directory))
    return lock


def _identity(directory: Path) -> ClientId:
    path = directory / _IDENTITY
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _made(path)
    try:
        identity = msgspec.json.decode(content, type=Identity)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = f"{_IDENTITY} is damaged ({error}): restore it, or remove it to begin as "
        raise ClientDirectoryError(
            directory=str(directory), why=f"{why}a new client"
        ) from error
    return identity.client_id


def _made(path: Path) -> ClientId:
    identity = Identity(client_id=ClientId(new_id()))
    try:
        write_durably(path, msgspec.json.encode(identity))
    except OSError as error:
        raise ClientDirectoryError(
            directory=str(path.parent), why=str(error.strerror)
        ) from error
    return identity.client_id
