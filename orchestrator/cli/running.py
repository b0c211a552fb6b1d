"""Running until a signal says stop: cleanly at the first, at once at the second."""

import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from importlib.util import find_spec
from typing import Any

import anyio

_BY_SIGNAL = 128


class Lifetime:
    """Told when the process should end, and whether it has got going at all."""

    def __init__(self) -> None:
        self.ending = anyio.Event()
        self.has_begun = False

    def begun(self) -> None:
        """Say that it runs: from now on it is asked to end, not cancelled."""
        self.has_begun = True


def run_until_stopped(serve: Callable[[Lifetime], Awaitable[None]]) -> int:
    """Return the exit code of a function that ends soon after its lifetime does.

    0 when it ended by itself, or by SIGTERM as asked; else 128 and the signal. A
    signal before it has begun cancels it.
    """
    # It is in the server's extra, and makes every turn of the loop cheaper.
    fast = find_spec("uvloop") is not None
    return anyio.run(_supervise, serve, backend_options={"use_uvloop": fast})


async def _supervise(serve: Callable[[Lifetime], Awaitable[None]]) -> int:
    lifetime = Lifetime()
    received: list[signal.Signals] = []
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(_listen, lifetime, received, scope)
            await serve(lifetime)
        tasks.cancel_scope.cancel()
    if not received or (lifetime.has_begun and received == [signal.SIGTERM]):
        return 0
    return _BY_SIGNAL + received[0]


async def _listen(
    lifetime: Lifetime, received: list[signal.Signals], scope: anyio.CancelScope
) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            if received:
                # What we have started is bound to this process and ends with it.
                sys.stderr.flush()
                os._exit(_BY_SIGNAL + number)
            received.append(number)
            lifetime.ending.set()
            if not lifetime.has_begun:
                scope.cancel()


type Run[T] = Callable[[anyio.Event, Callable[[T], None]], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def running[T](run: Run[T]) -> AsyncGenerator[T]:
    """Return a context in which something runs; its value is what it said when ready.

    At the end it is told to stop, and waited for. When it fails, so does the context.
    """
    stop = anyio.Event()
    say, hear = anyio.create_memory_object_stream[T](1)
    with say, hear:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, stop, say.send_nowait)
            yield await hear.receive()
            stop.set()
