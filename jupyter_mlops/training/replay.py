"""A replay: in a kernel that executes a recorded session again, the run and when its cell has come."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack
from typing import Any, Final

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.ports import World
from jupyter_mlops.training.active import SubmittedRun, activate, deactivate
from jupyter_mlops.training.autolog import autologging
from jupyter_mlops.training.mlflow_scope import mlflow_scope

REPRODUCES: Final = "MLOPS_REPRODUCES"
"""The variable with the run that this process executes again: what would change the workspace is left out then."""
SESSION: Final = "MLOPS_SESSION"
"""The variable with a run, and which of the session's tracked cells, counted from 1, it is the run of."""
# What `%ml` only looks at, or logs to the active run.
_LOOKS: Final = frozenset({"log", "score", "status", "lineage"})
_VERBS: Final = frozenset({"run", "deploy", "init", "quickstart", "ui"})
_READS: Final = frozenset({"list", "show", "logs", "compare", "diff", "wait", "status"})


def is_skipped(words: list[str]) -> bool:
    """Tell whether a command of ``%ml`` is left out here, since a run is reproduced and it would change the workspace."""
    named = [word for word in words if not word.startswith("-")]
    if not os.environ.get(REPRODUCES) or not named or {"--help", "-h"} & set(words) or named[0] in _LOOKS:
        return False
    return named[0] in _VERBS or (len(named) > 1 and named[1] not in _READS)


def run_above() -> RunId | None:
    """Return the run that a worker executes this kernel's notebook or session for, whose children its tracked cells are."""
    replay = os.environ.get(SESSION)
    told = replay.split()[0] if replay else os.environ.get("MLOPS_RUN_ID")
    return RunId(told) if told else None


class Replay:
    """The run that this kernel executes a session for. Its own cell joins it; earlier tracked cells are its children."""

    def __init__(self, run_id: str, cell: str) -> None:
        self.run_id = RunId(run_id)
        self._cell = int(cell)
        self._n_seen = 0
        self._scopes = ExitStack()

    @classmethod
    def of_this_process(cls) -> Replay | None:
        """Return the one that a worker started this process for, if it did for one."""
        told = os.environ.get(SESSION)
        return cls(*told.split()) if told else None

    def see(self) -> None:
        """Count a tracked cell that is about to execute."""
        self._n_seen += 1

    @property
    def is_here(self) -> bool:
        """Whether the cell that executes is the run's."""
        return self._n_seen == self._cell

    def enter(
        self, world: World, params: Mapping[str, str], namespace: MutableMapping[str, Any], *, autolog: bool
    ) -> None:
        """Make the run the active one until ``leave``: for ``ml.log`` and for plain MLflow."""
        run = SubmittedRun(world, self.run_id)
        world.tracking.log(self.run_id, params=params)
        experiment = world.tracking.experiment(world.tracking.run(self.run_id).experiment)
        self._scopes.enter_context(mlflow_scope(run, experiment.id, namespace))
        if autolog:
            self._scopes.enter_context(autologging())
        activate(run)
        self._scopes.callback(deactivate, run)

    def leave(self) -> None:
        """Undo ``enter``, if it was called."""
        self._scopes.close()
