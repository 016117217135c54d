"""A script as a run: in a fresh interpreter, as ``python FILE`` would run it, with plain MLflow going to the run."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from jupyter_mlops.ports import World
from jupyter_mlops.training.active import submitted_run
from jupyter_mlops.training.autolog import autologging
from jupyter_mlops.training.imported import when_imported
from jupyter_mlops.training.mlflow_scope import mlflow_scope


def run_script(open_world: Callable[[], World], file: str, arguments: Sequence[str]) -> int:
    """Execute a script as ``__main__``; its parameters are its arguments (``--C 0.5``). Returns the exit code."""
    path = str(Path(file).absolute())
    with ExitStack() as scopes:
        join_worker_run(open_world, scopes)
        sys.argv = [file, *arguments]
        sys.path[0] = str(Path(path).parent)
        try:
            runpy.run_path(path, run_name="__main__")
        except KeyboardInterrupt:
            return 130
        except Exception as error:  # noqa: BLE001  # shown as Python shows it, less the frames that are ours
            traceback.print_exception(error.with_traceback(_from_file(error.__traceback__, path)))
            return 1
    return 0


def join_worker_run(
    open_world: Callable[[], World], scopes: ExitStack, namespace: MutableMapping[str, Any] | None = None
) -> None:
    """Let plain MLflow calls of this process go to the run that its worker watches over, until ``scopes`` closes.

    Autologging is turned on if the run was begun with it.
    """

    def enter() -> None:
        run = submitted_run(open_world)
        tracking = run.world.tracking
        experiment = tracking.experiment(tracking.run(run.run_id).experiment)
        scopes.enter_context(mlflow_scope(run, experiment.id, namespace))

    if not os.environ.get("MLOPS_AUTOLOG"):
        when_imported("mlflow", enter)
        return
    enter()
    scopes.enter_context(autologging())


def _from_file(trace: Any, path: str) -> Any:
    """Return the part of a traceback that begins in the script; all of it if none does."""
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename != path:
        first = first.tb_next
    return first or trace
