"""Real `job-orchestrator` processes: started, read, interrupted, and looked for."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("job-orchestrator")
_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.02


class Started:
    """A running process whose output is read as it comes."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, *arguments],
            env={**environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Its own group, as a shell gives it: a Ctrl-C reaches all of that.
            start_new_session=True,
        )
        self.stdout = ""

    def read_until(self, text: str) -> str:
        """Return the line that has the text, once it was written."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.stdout += line
            if text in line:
                return line
        raise AssertionError(f"{text!r} never came: {self.stdout}{self.end()}")

    def read_error_until(self, text: str) -> str:
        """Return the line of the standard error that has the text."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return line
        raise AssertionError(f"{text!r} never came: {self.end()}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal as a terminal does: to the whole group."""
        os.killpg(self.process.pid, number)

    def end(self) -> tuple[int, str]:
        """Return exit code and standard error, once it has ended."""
        out, errors = self.process.communicate(timeout=_SECONDS)
        self.stdout += out
        return self.process.returncode, errors


@contextlib.contextmanager
def started(*arguments: str, environment: Mapping[str, str]) -> Generator[Started]:
    """Return a context with a running process, which is killed if it still runs."""
    running = Started(arguments, environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate()


class Command:
    """The command line in a directory, with an environment of its own."""

    def __init__(self, environment: Mapping[str, str], *, cwd: Path) -> None:
        self.environment = environment
        self.cwd = cwd

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return how a command ended."""
        return subprocess.run(
            [PROGRAM, *arguments],
            env={**self.environment},
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


def processes_about(text: str) -> list[str]:
    """Return the processes whose command, directory or environment has the text."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            facts = [(path / name).read_bytes() for name in ("cmdline", "environ")]
            facts.append(os.fsencode((path / "cwd").readlink()))
            if text in b"\n".join(facts).decode(errors="replace"):
                found.append(facts[0].replace(b"\0", b" ").decode())
    return found


def until(is_so: Callable[[], bool], seconds: float = _SECONDS) -> None:
    """Return when something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(_LOOK_AGAIN_SECONDS)
