"""The stream that holds the log: its settings, and the server that it needs."""

import re
from collections.abc import Mapping

import msgspec
from nats.js import JetStreamManager
from nats.js.api import (
    DiscardPolicy,
    RePublish,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import BadRequestError, NotFoundError

from orchestrator.errors import LogMismatchError, LogMissingError, LogTooOldError

SUBJECTS = ("jobs.>", "assignments.>", "services.>", "users.>", "clients.>", "writer")
REPUBLISHED_PREFIX = "log."
# The first with atomic batches; its R1 fence inside a batch was right from its release.
OLDEST_SERVER = (2, 12, 0)

_UNLIMITED = -1
_STREAM_EXISTS = 10058
_SUBJECTS_TAKEN = 10065
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-?)")


def require_version(version: str) -> None:
    """Return when a server of this version can hold the log.

    >>> require_version("2.15.0")

    Raises:
        LogTooOldError: it cannot, or its version cannot be read.
    """
    if not _can_hold(version):
        needed = ".".join(map(str, OLDEST_SERVER))
        raise LogTooOldError(version=version, needed=needed)


def _can_hold(version: str) -> bool:
    match = _VERSION.match(version)
    if match is None:
        return False
    numbers = tuple(int(number) for number in match.groups()[:3])
    # A preview of the oldest release is older than the release.
    return numbers > OLDEST_SERVER or (numbers == OLDEST_SERVER and not match[4])


def wanted(name: str, *, replicas: int, max_bytes: int | None) -> StreamConfig:
    """Return the settings that the log needs."""
    return StreamConfig(
        name=name,
        subjects=list(SUBJECTS),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        num_replicas=replicas,
        discard=DiscardPolicy.NEW,
        max_bytes=_UNLIMITED if max_bytes is None else max_bytes,
        max_msgs=_UNLIMITED,
        max_msgs_per_subject=_UNLIMITED,
        max_age=0,
        deny_delete=True,
        allow_direct=True,
        allow_atomic=True,
        republish=RePublish(src=">", dest=REPUBLISHED_PREFIX + ">"),
    )


async def ensure_stream(
    manager: JetStreamManager, config: StreamConfig, *, create: bool
) -> StreamInfo:
    """Return the stream as it is; created, if wanted, when it was not there.

    Raises:
        LogMissingError: it is not there.
        LogMismatchError: it is there, with other settings.
    """
    name = config.name or ""
    try:
        found = await manager.stream_info(name)
    except NotFoundError:
        if not create:
            raise LogMissingError(stream=name) from None
        found = await _create(manager, config)
    _require_same(name, found=found.config, needed=config)
    return found


async def _create(manager: JetStreamManager, config: StreamConfig) -> StreamInfo:
    try:
        return await manager.add_stream(config)
    except BadRequestError as error:
        if error.err_code == _SUBJECTS_TAKEN:
            raise LogMismatchError(
                stream=config.name or "",
                setting="subjects",
                found="those of another stream",
                needed=_words(config.subjects),
            ) from error
        if error.err_code != _STREAM_EXISTS:
            raise
        # Another server that starts now was first, with settings of its own.
        return await manager.stream_info(config.name or "")


def _require_same(name: str, *, found: StreamConfig, needed: StreamConfig) -> None:
    have, want = _settings(found), _settings(needed)
    for setting, value in want.items():
        if have[setting] != value:
            raise LogMismatchError(
                stream=name, setting=setting, found=have[setting], needed=value
            )


def _settings(config: StreamConfig) -> Mapping[str, str]:
    """Return what decides over the log's promises, each setting as a person reads it.

    What is not here is the operator's choice: compression, placement, description.
    """
    republish = config.republish or RePublish()
    values: dict[str, object] = {
        "subjects": sorted(config.subjects or ()),
        "retention": config.retention,
        "storage": config.storage,
        "num_replicas": config.num_replicas,
        "discard": config.discard,
        "discard_new_per_subject": config.discard_new_per_subject,
        "max_bytes": config.max_bytes,
        "max_msgs": config.max_msgs,
        "max_msgs_per_subject": config.max_msgs_per_subject,
        "max_age": config.max_age or 0,
        "deny_delete": config.deny_delete,
        "allow_direct": bool(config.allow_direct),
        "allow_atomic": bool(config.allow_atomic),
        "allow_msg_ttl": bool(config.allow_msg_ttl),
        "allow_rollup_hdrs": config.allow_rollup_hdrs,
        "no_ack": config.no_ack,
        "sealed": config.sealed,
        "mirrored": bool(config.mirror or config.sources),
        "subject_transform": bool(config.subject_transform),
        "persist_mode": config.persist_mode or "default",
        "republish": [republish.src, republish.dest, bool(republish.headers_only)],
    }
    return {setting: _words(value) for setting, value in values.items()}


def _words(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
