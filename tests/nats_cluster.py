"""A real NATS cluster for tests and benchmarks: three nodes on loopback, sync always."""

import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec

from tests.nats_server import NatsServer

STREAM = "ORCHESTRATOR"
_NODES = 3
# A new leader is elected 4 to 9 seconds after the old one fell silent.
_LEADER_SECONDS = 20
_ASK_AGAIN_SECONDS = 0.05


class _Cluster(msgspec.Struct, frozen=True):
    leader: str = ""


class _Stream(msgspec.Struct, frozen=True):
    name: str
    cluster: _Cluster = _Cluster()


class _Account(msgspec.Struct, frozen=True):
    stream_detail: tuple[_Stream, ...] = ()


class _Jsz(msgspec.Struct, frozen=True):
    account_details: tuple[_Account, ...] = ()


class Node(NatsServer):
    """One server of the cluster; it can be killed, restarted and paused alone."""

    # Where the first election fails, the next one takes up to nine seconds more.
    start_seconds = 45

    def __init__(
        self, directory: Path, name: str, port: int, routes: list[int]
    ) -> None:
        self.name = name
        addresses = ", ".join(f"'nats://127.0.0.1:{one}'" for one in routes)
        super().__init__(
            directory,
            extra=(
                f"server_name: {name}\n"
                f"cluster {{ name: tests, listen: '127.0.0.1:{port}', "
                f"routes: [{addresses}] }}"
            ),
        )

    def leader_of(self, stream: str) -> str:
        """Return the name of the node that leads a stream, as this one sees it."""
        try:
            found = httpx.get(
                f"{self.monitoring_url}/jsz?streams=true", timeout=1, trust_env=False
            )
            body = msgspec.json.decode(found.content, type=_Jsz)
        except (httpx.TransportError, msgspec.DecodeError):
            return ""
        names = [
            one.cluster.leader
            for account in body.account_details
            for one in account.stream_detail
            if one.name == stream
        ]
        return names[0] if names else ""


class NatsCluster:
    """Three nodes; the stream's leader is one of them, and may change."""

    def __init__(self, directory: Path) -> None:
        ports = _free_ports(_NODES)
        self.nodes = [
            Node(directory / f"n{number}", f"n{number}", port, ports)
            for number, port in enumerate(ports, start=1)
        ]

    @property
    def url(self) -> str:
        """Return the addresses of all nodes, for clients."""
        return ",".join(node.url for node in self.nodes)

    @property
    def monitoring_urls(self) -> list[str]:
        """Return the addresses of the nodes' monitoring."""
        return [node.monitoring_url for node in self.nodes]

    def start(self) -> None:
        """Start all nodes, and return when each is current."""
        try:
            for node in self.nodes:
                node.launch()
            self.until_healthy()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all nodes cleanly."""
        for node in self.nodes:
            node.stop()

    def until_healthy(self) -> None:
        """Return when every node serves and has caught up."""
        for node in self.nodes:
            node.until_healthy()

    def leader(self, stream: str = STREAM) -> Node:
        """Return the node that leads a stream, once one does."""
        return self._wait_for(lambda: self._leader(stream))

    def leader_but(self, other: Node, stream: str = STREAM) -> Node:
        """Return the node that leads a stream, once it is another than this one."""

        def found() -> Node | None:
            node = self._leader(stream, asked=[n for n in self.nodes if n is not other])
            return None if node is other else node

        return self._wait_for(found)

    def _leader(self, stream: str, asked: list[Node] | None = None) -> Node | None:
        said = {node.leader_of(stream) for node in asked or self.nodes}
        by_name = {node.name: node for node in self.nodes}
        # While they do not agree there is none.
        return by_name.get(said.pop()) if len(said) == 1 else None

    def _wait_for(self, find: Callable[[], Node | None]) -> Node:
        deadline = time.monotonic() + _LEADER_SECONDS
        while (found := find()) is None:
            assert time.monotonic() < deadline, "no node leads the stream"
            time.sleep(_ASK_AGAIN_SECONDS)
        return found


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        # Below those that the kernel gives to clients: none of them comes between.
        port = 20_000 + secrets.randbelow(12_000)
        if port not in found and _is_free(port):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
