"""An agent in a process of its own, to be killed: runs one script, then waits.

`python -m tests.integration.process_executor.agent_process ROOT SCRIPT stop|stay`
"""

import sys
from pathlib import Path

import anyio

from tests.integration.process_executor.workbench import Workbench


async def _run(root: str, script: str, option: str) -> None:
    workbench = Workbench(Path(root))
    async with workbench.executor(stop_with_agent=option == "stop") as executor:
        await executor.start(workbench.launch(script))
        (workbench.root / "agent-has-started-it").touch()
        await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(_run, sys.argv[1], sys.argv[2], sys.argv[3])
