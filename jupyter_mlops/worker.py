"""What runs in the processes of a submitted run: ``run`` watches over it, ``script`` and ``notebook`` execute the file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.process import end_with
from jupyter_mlops.core.record import decode
from jupyter_mlops.workspace import Workspace


def main(argv: list[str]) -> int:
    """Run one of ``run WORKSPACE RUN [WAYS]``, ``script FILE [ARG ...]``, ``notebook FILE EXECUTED`` and ``session ...``."""
    verb, *words = argv
    if verb == "run":
        from jupyter_mlops.training.worker import Ways, execute

        ways = decode(words[2], Ways) if len(words) > 2 else None  # noqa: PLR2004  # the last, optional one
        return execute(Workspace.open(Path(words[0])), words[1], ways)
    end_with(int(os.environ["MLOPS_WORKER"]))
    if verb == "script":
        from jupyter_mlops.training.script import run_script

        return run_script(Workspace.open, words[0], words[1:])
    from jupyter_mlops.training.notebook import run_notebook, run_session

    return (run_session if verb == "session" else run_notebook)(Path(words[0]), Path(words[1]))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MlopsError as error:
        sys.exit(f"{error.message} {error.hint}".strip())
