"""How much of our time one script may take."""

import time

from orchestrator.errors import ScriptUnparsedError

_STEPS = 50_000
_CPU_SECONDS = 1.0
_MOST_SCRIPTS = 40


class Budget:
    """Counts down while a script is looked at."""

    def __init__(self) -> None:
        self._steps = _STEPS
        self._scripts = _MOST_SCRIPTS
        self._deadline = time.thread_time() + _CPU_SECONDS

    def step(self) -> None:
        """Take a step.

        Raises:
            ScriptUnparsedError: there have been too many, or they took too long.
        """
        self._steps -= 1
        if self._steps < 0 or time.thread_time() > self._deadline:
            raise ScriptUnparsedError(line=None)

    def script(self) -> None:
        """Begin to parse a script within the script.

        Raises:
            ScriptUnparsedError: there have been too many.
        """
        self._scripts -= 1
        if self._scripts < 0:
            raise ScriptUnparsedError(line=None)
