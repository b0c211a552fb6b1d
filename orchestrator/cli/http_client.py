"""A server over HTTP: bodies as Structs, trouble as errors that say what to do."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import quote

import anyio
import httpx
import msgspec

from orchestrator.errors import (
    NotOurServerError,
    ServerRefusedError,
    ServerUnreachableError,
)

# Longer than the server's keep-alive comments, shorter than a person's patience.
_TIMEOUT = httpx.Timeout(60, connect=5)
_UNAVAILABLE = 503
_AGAIN_AFTER_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)


@contextlib.asynccontextmanager
async def open_server(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    """Return a context with a client whose every trouble is an error of ours.

    Raises:
        ServerUnreachableError: nobody answers, or the answer broke off.
        ServerRefusedError: the answer is no.
    """
    with _translated(url):
        async with httpx.AsyncClient(
            base_url=url,
            timeout=_TIMEOUT,
            trust_env=not _is_loopback(url),  # a proxy would not know our loopback
            event_hooks={"response": [_require_success]},
        ) as client:
            yield client


def ask(url: str, method: str, path: str, **body: object) -> httpx.Response:
    """Return one answer; asked again while nobody can give it.

    Raises:
        ServerUnreachableError, ServerRefusedError: as `open_server`.
    """
    return anyio.run(_ask, url, method, path, body)


async def _ask(
    url: str, method: str, path: str, body: dict[str, Any]
) -> httpx.Response:
    async with open_server(url) as client:
        return await retried(lambda: client.request(method, path, **body))


def job_path(job: str, *rest: str) -> str:
    """Return the path of a job, or of something of it.

    >>> job_path("7"), job_path("../clients", "events")
    ('/jobs/7', '/jobs/..%2Fclients/events')
    """
    return "/".join(["/jobs", quote(job, safe=""), *rest])


def read[T](response: httpx.Response, kind: type[T]) -> T:
    """Return the body of an answer.

    Raises:
        NotOurServerError: it is something else.
    """
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as error:
        raise NotOurServerError(url=str(response.url), why=str(error)) from error


async def retried[T](call: Callable[[], Awaitable[T]]) -> T:
    """Return what the call returns, asked again while nobody can answer.

    For calls that may safely be made twice.
    """
    for seconds in _AGAIN_AFTER_SECONDS:
        try:
            return await call()
        except ServerRefusedError as error:
            if error.status != _UNAVAILABLE:
                raise
        except (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError):
            pass  # it was there, and broke off
        await anyio.sleep(seconds)
    return await call()


@contextlib.contextmanager
def _translated(url: str) -> Generator[None]:
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        why = f"not an http address: {error}"
        raise ServerUnreachableError(url=url, why=why) from error
    except httpx.ConnectError as error:
        raise ServerUnreachableError(url=url, why=_why(error)) from error
    except httpx.TimeoutException as error:
        raise ServerUnreachableError(url=url, why="it takes too long") from error
    except httpx.TransportError as error:
        why = f"it broke off: {_why(error)}"
        raise ServerUnreachableError(url=url, why=why) from error


def _why(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text.rpartition("] ")[2].lower()  # without "[Errno 111]"


async def _require_success(response: httpx.Response) -> None:
    if response.is_error:
        body = await response.aread()
        raise ServerRefusedError(
            status=response.status_code, detail=_detail(response), body=body
        )


def _detail(response: httpx.Response) -> str:
    """Return what the answer says is wrong: its problem details, or its status."""
    status = f"the server answered {response.status_code} {response.reason_phrase}"
    try:
        body: object = msgspec.json.decode(response.content)
    except msgspec.MsgspecError:
        return status
    if isinstance(body, dict):
        problem = cast("dict[str, Any]", body)
        for key in ("detail", "title", "message"):
            if isinstance(problem.get(key), str) and problem[key]:
                return str(problem[key])
    return status


def _is_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine.

    >>> _is_loopback("http://127.0.0.1:5000"), _is_loopback("http://example.org")
    (True, False)
    """
    with contextlib.suppress(httpx.InvalidURL, ValueError):
        host = httpx.URL(url).host
        return host == "localhost" or ip_address(host).is_loopback
    return False
