"""A small reverse proxy that shows a server under a path, over real sockets."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Generator
from typing import override

_PIECE = 1 << 16


@contextlib.contextmanager
def proxied(port: int, prefix: str, *, takes_off: bool) -> Generator[str]:
    """Return a context with the URL under which a port's server is shown.

    `takes_off`: the prefix is not in what the server is asked, as with a proxy_pass
    that ends in a slash.
    """

    class Handler(socketserver.BaseRequestHandler):
        @override
        def handle(self) -> None:
            _handle(self.request, port, prefix, takes_off=takes_off)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{prefix}"
        finally:
            server.shutdown()
            thread.join()


def _handle(caller: socket.socket, port: int, prefix: str, *, takes_off: bool) -> None:
    head, rest = _head(caller)
    method, _, path_on = head.partition(b" ")
    if not path_on.startswith(prefix.encode()):
        caller.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    if takes_off:
        path_on = path_on.removeprefix(prefix.encode())
        path_on = path_on if path_on.startswith(b"/") else b"/" + path_on
    line, _, headers = path_on.partition(b"\r\n")
    # One request a connection, so that each has its path changed.
    head = method + b" " + line + b"\r\nConnection: close\r\n" + headers
    with socket.create_connection(("127.0.0.1", port)) as server:
        server.sendall(head + rest)
        sending = threading.Thread(target=_pass_on, args=(caller, server), daemon=True)
        sending.start()
        _pass_on(server, caller)
        with contextlib.suppress(OSError):
            caller.shutdown(socket.SHUT_RDWR)
        sending.join()


def _head(caller: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = caller.recv(_PIECE)
        if not piece:
            break
        received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
