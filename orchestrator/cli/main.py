"""The console script: loads the commands, quiet also when interrupted meanwhile."""

import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        # Here, so that a Ctrl-C while it loads ends like any other.
        from orchestrator.cli.commands import run  # noqa: PLC0415 - see above

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = _INTERRUPTED
    if "duckdb" in sys.modules:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> None:
    """End at once: everything is closed, and DuckDB would print what it leaks."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
