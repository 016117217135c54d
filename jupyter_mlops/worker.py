"""What runs in the processes of a submitted run: ``run`` watches over it, ``script`` and ``notebook`` execute the file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.process import end_with
from jupyter_mlops.workspace import Workspace


def main(argv: list[str]) -> int:
    """Run one of ``run WORKSPACE RUN``, ``script FILE [ARG ...]`` and ``notebook FILE EXECUTED``."""
    verb, *words = argv
    if verb == "run":
        from jupyter_mlops.training.worker import execute

        return execute(Workspace.open(Path(words[0])), words[1])
    end_with(int(os.environ["MLOPS_WORKER"]))
    if verb == "script":
        from jupyter_mlops.training.script import run_script

        return run_script(Workspace.open, words[0], words[1:])
    from jupyter_mlops.training.notebook import run_notebook

    return run_notebook(Path(words[0]), Path(words[1]))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MlopsError as error:
        sys.exit(f"{error.message} {error.hint}".strip())
