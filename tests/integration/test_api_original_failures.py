"""What the original's routes answer when the server is short of something."""

from pathlib import Path

import pytest

from orchestrator.api.uploads import UploadLimits
from orchestrator.errors import (
    LogFullError,
    LogUnreachableError,
    NotLeadingError,
    OrchestratorError,
    OutcomeUnknownError,
)
from tests.api_server import SCRIPT, Hub, eventually, running_hub
from tests.raw_http import RawConnection

FORM = {"user_id": "1", "service": "echo"}
FILES = {"f": ("run.sh", SCRIPT)}


def assert_status_body(body: dict[str, object]) -> None:
    assert set(body) == {"id", "status", "message"}
    assert (body["id"], body["status"]) == (0, "Unknown")


def assert_nothing_is_kept(hub: Hub) -> None:
    assert hub.stored("inputs") == []
    assert hub.stored("stage") == []


async def test_a_body_over_the_limit_is_refused_with_the_limit(tmp_path: Path) -> None:
    limits = UploadLimits(body_bytes=100_000)
    async with running_hub(tmp_path, limits=limits) as hub:
        big = {"f": ("run.sh", b"x" * 200_000)}
        answer = await hub.http.post("/upload", data=FORM, files=big)
        assert answer.status_code == 413
        assert_status_body(answer.json())
        assert "100000" in answer.json()["message"]
        assert_nothing_is_kept(hub)


async def test_the_limit_holds_without_a_length_and_the_connection_stays_usable(
    tmp_path: Path,
) -> None:
    limits = UploadLimits(body_bytes=100_000)
    async with (
        running_hub(tmp_path, limits=limits) as hub,
        RawConnection(hub.url) as raw,
    ):
        head = """
            POST /upload HTTP/1.1
            Host: x
            Transfer-Encoding: chunked
            Content-Type: multipart/form-data; boundary=x
        """
        part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
        await raw.send(_plain(head), _chunk(part))
        for _ in range(4):
            await raw.stream.send(_chunk(b"y" * 50_000))
        received = await raw.until(b"passes the limit")
        assert received.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" not in received.lower()
        assert_nothing_is_kept(hub)


async def test_a_long_body_for_an_unknown_service_is_refused_before_its_end(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub, RawConnection(hub.url) as raw:
        head = """
            POST /upload HTTP/1.1
            Host: x
            Content-Length: 300000000
            Content-Type: multipart/form-data; boundary=x
        """
        fields = b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
            f"{value}\r\n".encode()
            for name, value in (("user_id", "1"), ("service", "nope"))
        )
        part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
        await raw.send(_plain(head), fields + part + b"z" * (2 << 20))
        received = await raw.until(b"Invalid service")
        assert received.startswith(b"HTTP/1.1 400 ")
        assert_nothing_is_kept(hub)


async def test_a_body_that_stalls_is_told_that_it_is_too_slow(tmp_path: Path) -> None:
    limits = UploadLimits(pause_seconds=0.2)
    async with (
        running_hub(tmp_path, limits=limits) as hub,
        RawConnection(hub.url) as raw,
    ):
        head = """
            POST /upload HTTP/1.1
            Host: x
            Content-Length: 1000
            Content-Type: multipart/form-data; boundary=x
        """
        await raw.send(_plain(head), b"--x\r\n")
        received = await raw.until(b"too slow")
        assert received.startswith(b"HTTP/1.1 408 ")
        assert_nothing_is_kept(hub)


async def test_a_hang_up_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        async with RawConnection(hub.url) as raw:
            head = """
                POST /upload HTTP/1.1
                Host: x
                Content-Length: 10000000
                Expect: 100-continue
                Content-Type: multipart/form-data; boundary=x
            """
            await raw.send(_plain(head))
            # The handler has begun to read once it says so.
            await raw.until(b"100 Continue")
            part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"'
            await raw.stream.send(part + b"\r\n\r\n" + b"z" * 500_000)
            await eventually(lambda: hub.stored("stage") != [])
        await eventually(lambda: hub.stored("stage") == [])
        assert hub.stored("inputs") == []


async def test_a_full_disk_is_told_apart_from_other_trouble(tmp_path: Path) -> None:
    async with running_hub(tmp_path, reserve_bytes=1 << 60) as hub:
        answer = await hub.http.post("/upload", data=FORM, files=FILES)
        assert answer.status_code == 507
        assert_status_body(answer.json())
        assert_nothing_is_kept(hub)
        health = await hub.http.get("/health")
        assert health.status_code == 503
        assert "no space is left for files" in health.json()["reasons"]


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (NotLeadingError(), 503, True),
        (LogFullError(), 507, False),
    ],
)
async def test_an_upload_that_was_surely_not_stored_leaves_nothing(
    tmp_path: Path,
    error: OrchestratorError,
    status: int,
    *,
    retry: bool,
) -> None:
    async with running_hub(tmp_path) as hub:
        hub.commands.fails_before = error
        answer = await hub.http.post("/upload", data=FORM, files=FILES)
        assert answer.status_code == status
        assert ("Retry-After" in answer.headers) is retry
        assert_status_body(answer.json())
        assert_nothing_is_kept(hub)


async def test_an_upload_in_doubt_keeps_its_files_and_may_not_be_retried_blindly(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        hub.commands.fails_after = OutcomeUnknownError()
        answer = await hub.http.post("/upload", data=FORM, files=FILES)
        assert answer.status_code == 504
        assert "Retry-After" not in answer.headers
        assert_status_body(answer.json())
        # It was stored after all: its files must be there for whoever runs it.
        assert len(hub.stored("inputs")) == 1


async def test_an_upload_whose_doubt_was_resolved_keeps_its_files(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        hub.commands.tells_only_where = True
        answer = await hub.http.post("/upload", data=FORM, files=FILES)
        assert answer.status_code == 201
        assert answer.json()["status"] == "Queued"
        assert len(hub.stored("inputs")) == 1


async def test_an_unreachable_log_makes_the_server_unhealthy(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        hub.log_end.fails_with = LogUnreachableError(url="nats://x", why="refused")
        health = await hub.http.get("/health")
        unknown = await hub.http.get("/download/17")
        assert health.status_code == 503
        assert health.json()["database"] == "error"
        assert unknown.status_code == 503
        assert unknown.headers["Retry-After"] == "2"
        assert_status_body(unknown.json())


def _plain(head: str) -> str:
    return "\n".join(line.strip() for line in head.strip().splitlines())


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
