"""``python -m jupyter_mlops.agent --workspace DIR``: runs the workspace's agent until it is stopped."""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import os
import signal
import sys
from pathlib import Path

from jupyter_mlops.agent.loop import Agent
from jupyter_mlops.core.agentlock import hold
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.workspace import Workspace

LOG_BYTES = 5_000_000
LOG_FILES = 3


def main() -> int:
    """Run the agent; 0 also when another one runs already."""
    parser = argparse.ArgumentParser(prog="python -m jupyter_mlops.agent", description="The agent of a workspace.")
    parser.add_argument("--workspace", type=Path, required=True, metavar="DIR")
    folder = parser.parse_args().workspace
    try:
        workspace = Workspace.open(folder, actor="agent")
        with hold(workspace.root) as holder:
            if holder is None:
                return 0
            _log_to(workspace.root / "agent" / "log")
            return _run(workspace)
    except MlopsError as error:
        print(error.message, error.hint, file=sys.stderr)  # noqa: T201  # whoever started us reads it
        return error.exit_code


def _run(workspace: Workspace) -> int:
    log = logging.getLogger("jupyter_mlops.agent")
    agent = Agent(workspace)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    log.info("agent of %s on %s begins", workspace.root, workspace.node)
    halted = agent.run()
    log.info("agent ends")
    if not halted:
        logging.shutdown()
        os._exit(0)  # a thread is deep in work that cannot be broken off; the next agent does it again
    workspace.close()
    return 0


def _log_to(file: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("jupyter_mlops").setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk must not end the agent


if __name__ == "__main__":
    sys.exit(main())
