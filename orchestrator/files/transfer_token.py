"""The right of one attempt to fetch its inputs and to deliver its results, for a while.

`<expiry>.<hmac>`: nothing is stored; any server that has the secret can check it.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from orchestrator.domain.ids import JobId, Timestamp
from orchestrator.domain.instant import unix_ms
from orchestrator.errors import TransferRefusedError

_SECRET_BYTES = 32


def mint(secret: bytes, job_id: JobId, attempt: int, expires_at: Timestamp) -> str:
    """Return a token for `Authorization: Bearer`."""
    expiry = str(unix_ms(expires_at))
    return f"{expiry}.{_sign(secret, job_id, attempt, expiry)}"


def verify(
    secret: bytes,
    token: str,
    *,
    job_id: JobId,
    attempt: int,
    now: Timestamp,
) -> None:
    """Return when the token is good for this attempt now.

    Raises:
        TransferRefusedError: forged, for another attempt, or expired.
    """
    expiry, _, signature = token.partition(".")
    wanted = _sign(secret, job_id, attempt, expiry)
    # Bytes, since compare_digest refuses text that is not ASCII.
    if not hmac.compare_digest(signature.encode(), wanted.encode()):
        raise TransferRefusedError(why="it is not one of ours for this attempt")
    # Signed, so it is a number that we once wrote.
    if int(expiry) <= unix_ms(now):
        raise TransferRefusedError(why="it has expired")


def _sign(secret: bytes, job_id: JobId, attempt: int, expiry: str) -> str:
    message = f"transfer\0{job_id}\0{attempt}\0{expiry}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def load_or_create_secret(path: Path) -> bytes:
    """Return the secret that all servers of one installation share.

    It is made where there is none, readable by its owner only; two processes that
    make it at the same time end with the same one.
    """
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(secrets.token_bytes(_SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    # A link, unlike a rename, never replaces what another process has made.
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
    return path.read_bytes()
