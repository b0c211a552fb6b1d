"""A temporary directory that is removed whatever happens to this process.

Even after a SIGKILL: a small process of its own makes it, waits for our end of a pipe
to close, and removes it. It cannot be interrupted from our terminal.
"""

import contextlib
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from orchestrator.errors import LocalFileError

_REMOVED_WITHIN_SECONDS = 15.0
_PATH_BYTES = 4_096
# Others may still be stopping in there, and write: it tries again for a while.
_KEEPER = """
import shutil, signal, sys, tempfile, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
directory = tempfile.mkdtemp(prefix=sys.argv[1])
try:
    print(directory, flush=True)
except OSError:
    pass
sys.stdin.read()
for _ in range(100):
    shutil.rmtree(directory, ignore_errors=True)
    try:
        open(directory).close()
    except FileNotFoundError:
        break
    except OSError:
        pass
    time.sleep(0.1)
"""


@contextlib.asynccontextmanager
async def scratch_directory(prefix: str) -> AsyncGenerator[Path]:
    """Return a context with an empty directory, which is gone at its end.

    Raises:
        LocalFileError: none could be made.
    """
    keeper = await anyio.open_process(
        [sys.executable, "-I", "-S", "-c", _KEEPER, prefix],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None,
        start_new_session=True,
    )
    try:
        yield await _made(keeper)
    finally:
        with anyio.move_on_after(_REMOVED_WITHIN_SECONDS, shield=True):
            if keeper.stdin is not None:
                await keeper.stdin.aclose()
            await keeper.wait()


async def _made(keeper: Process) -> Path:
    if keeper.stdout is None:
        raise LocalFileError(path="temporary directory", why="no answer")
    lines = BufferedByteReceiveStream(keeper.stdout)
    try:
        line = await lines.receive_until(b"\n", _PATH_BYTES)
    except anyio.IncompleteRead as error:
        why = "none can be made: set TMPDIR to a directory with room"
        raise LocalFileError(path="temporary directory", why=why) from error
    return Path(line.decode())
