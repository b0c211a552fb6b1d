"""A server for inputs and results, over real HTTP; it can be told to fail."""

import hashlib
import io
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import override
from zipfile import ZipFile

from orchestrator.files.manifest import Manifest, decode_manifest
from orchestrator.wire import MANIFEST_LENGTH
from tests.fakes.hub_rules import TOKEN


class TransferServer:
    """What was delivered, and what is to be fetched."""

    def __init__(self, files: dict[str, str]) -> None:
        self.bundle = _zip(files)
        self.delivered: dict[str, tuple[bytes, bytes]] = {}  # by path
        self.failures: list[int] = []  # statuses to answer first
        self.requests: list[str] = []
        self.url = ""

    @property
    def bundle_sha256(self) -> str:
        """Return what the inputs must have."""
        return hashlib.sha256(self.bundle).hexdigest()

    def results(self, job_id: str, attempt: int, digest: str) -> dict[str, str]:
        """Return the text files of delivered results, checked against the manifest."""
        place = f"/transfers/{job_id}/{attempt}/results/{digest}"
        archive = self.delivered[place][1]
        assert hashlib.sha256(archive).hexdigest() == self.manifest(place).sha256
        with ZipFile(io.BytesIO(archive)) as found:
            return {name: found.read(name).decode() for name in found.namelist()}

    def manifest(self, place: str) -> Manifest:
        """Return the manifest that was delivered there."""
        return decode_manifest(self.delivered[place][0])


@contextmanager
def serving(files: dict[str, str]) -> Generator[TransferServer]:
    """Return a context with a server that gives these files to every attempt."""
    transfers = TransferServer(files)

    class Handler(_Handler):
        server_state = transfers

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    transfers.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield transfers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_state: TransferServer

    def do_GET(self) -> None:
        self._answer(self._status(200), self.server_state.bundle)

    def do_PUT(self) -> None:
        assert "Transfer-Encoding" not in self.headers, "the length is known"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self._status(200)
        if status == 200:
            length = int(self.headers[MANIFEST_LENGTH])
            self.server_state.delivered[self.path] = body[:length], body[length:]
        self._answer(status, b"")

    def _status(self, fine: int) -> int:
        self.server_state.requests.append(f"{self.command} {self.path}")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return 401
        failures = self.server_state.failures
        return failures.pop(0) if failures else fine

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _zip(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with ZipFile(made, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return made.getvalue()
