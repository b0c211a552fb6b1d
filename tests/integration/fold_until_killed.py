"""A process that folds a history into a file, and says how far the file has come."""

import sys
from pathlib import Path

import anyio

from projections.projector import Pace
from tests.unit.projections.folding import projecting
from tests.unit.projections.histories import folded, seeded

SEED = 11
LENGTH = 6_000
# Flushes follow each other without a pause, so that a kill meets one.
_RESTLESS = Pace(delay_seconds=0, messages=1, most_in_memory=100)


async def main(path: Path) -> None:
    """Fold from where the file is; never end by itself."""
    messages = folded(seeded(SEED, LENGTH))
    async with projecting(path, _RESTLESS) as projector:
        for start in range(projector.position, LENGTH, 20):
            await projector.fold(messages[start : start + 20])
            await anyio.lowlevel.checkpoint()
            print(projector.flushed_position, flush=True)  # noqa: T201 - to the test
        await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
