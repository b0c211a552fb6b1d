"""The right of one attempt to transfer its files, for a while."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain.ids import JobId
from orchestrator.errors import TransferRefusedError
from orchestrator.files.transfer_token import load_or_create_secret, mint, verify

SECRET = b"s" * 32
JOB = JobId("job-1")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
TOKEN = mint(SECRET, JOB, 1, NOW + timedelta(hours=1))


def test_a_token_is_good_for_its_attempt_until_it_expires() -> None:
    last = NOW + timedelta(hours=1) - timedelta(milliseconds=1)
    verify(SECRET, TOKEN, job_id=JOB, attempt=1, now=NOW)
    verify(SECRET, TOKEN, job_id=JOB, attempt=1, now=last)
    with pytest.raises(TransferRefusedError, match="expired"):
        verify(SECRET, TOKEN, job_id=JOB, attempt=1, now=NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("secret", "job_id", "attempt"),
    [(b"t" * 32, JOB, 1), (SECRET, JobId("job-2"), 1), (SECRET, JOB, 2)],
)
def test_a_token_is_good_for_nothing_else(
    secret: bytes,
    job_id: JobId,
    attempt: int,
) -> None:
    with pytest.raises(TransferRefusedError):
        verify(secret, TOKEN, job_id=job_id, attempt=attempt, now=NOW)


def test_the_expiry_cannot_be_put_off() -> None:
    expiry, _, signature = TOKEN.partition(".")
    later = f"{int(expiry) + 1}.{signature}"
    with pytest.raises(TransferRefusedError):
        verify(SECRET, later, job_id=JOB, attempt=1, now=NOW)


@given(st.text() | st.from_regex(r"[0-9]{1,20}\.[0-9a-f]{64}"))
def test_no_text_passes_for_a_token(text: str) -> None:
    with pytest.raises(TransferRefusedError):
        verify(SECRET, text, job_id=JOB, attempt=1, now=NOW)


def test_the_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "transfer.secret"
    secret = load_or_create_secret(path)
    assert len(secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_secret(path) == secret
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_make_the_secret_at_once_agree_on_it(tmp_path: Path) -> None:
    paths = [tmp_path / "transfer.secret"] * 16
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(load_or_create_secret, paths))) == 1
