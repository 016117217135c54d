"""Child runs: a part of a run (a fold, a phase, a trial) as a run of its own, below the one it is part of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.ids import check_title
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.ports import World
from jupyter_mlops.training.active import active_run, child_active
from jupyter_mlops.training.capture import Capture, Plan, process_tags
from jupyter_mlops.training.cells import outcome
from jupyter_mlops.training.media import texts
from jupyter_mlops.training.mlflow_scope import mlflow_child
from jupyter_mlops.training.reaper import untidy

_ORIGIN: Final = ("mlflow.user", "mlflow.source.", "mlops.project", "mlops.folder", "mlops.notebook", "mlops.os_user")
_STATE: Final = ("mlops.python", "mlops.kernel", "mlops.snapshot", "mlops.git.")


class ChildRun(Capture):
    """A child run that is going on: what ``with ml.child("fold 3") as run`` gives."""

    def __init__(self, world: World, run: Run) -> None:
        super().__init__(world, Plan(folder=Path(run.tags.get("mlops.folder", "."))), run, None)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.name

    def end(self, status: RunStatus, *, reason: str = "", traceback: str = "", ended_at: float | None = None) -> None:
        """End the run. ``outputs/`` is its parent's to collect."""
        ended_at = time.time() if ended_at is None else ended_at
        try:
            if traceback:
                self.store_text(traceback, "", "traceback.txt")
        finally:
            self.heartbeat.stop()
            try:
                self.journal.close(status, reason, ended_at)
            except MlopsError:
                untidy(self.world)
                raise
        self.world.catalog.record("run", self.run.id, "end", {"status": status, "name": self.run.name})


@contextmanager
def child_run(
    open_world: Callable[[], World], name: str | None, params: Mapping[str, Any], tags: Mapping[str, Any]
) -> Iterator[ChildRun]:
    """Run the block as a child of the active run, to any depth; its end is what the block ended with.

    Raises ``NoActiveRun``, and ``BadInput`` for a name, parameter or tag that cannot be one.
    """
    child = _begin(open_world, name, texts(params, "parameter"), texts(tags, "tag"))
    status: RunStatus
    try:
        with mlflow_child(child), child_active(child):
            yield child
    except BaseException as error:
        status, reason, traceback = outcome(error)
        with suppress(MlopsError):  # the journal keeps the end, and the block's own error says more
            child.end(status, reason=reason, traceback=traceback)
        raise
    child.end("FINISHED")


def _begin(
    open_world: Callable[[], World], name: str | None, params: Mapping[str, str], tags: Mapping[str, str]
) -> ChildRun:
    if name is not None:
        check_title("child run", name)
    parent = active_run(open_world)
    world = parent.world
    above = world.tracking.run(parent.run_id)
    origin = {key: value for key, value in above.tags.items() if key.startswith(_ORIGIN + _STATE)}
    run = world.tracking.create_run(
        above.experiment, name, tags={**origin, **process_tags(world), **tags}, params=params, parent=above.id
    )
    world.catalog.record("run", run.id, "start", {"experiment": run.experiment, "name": run.name})
    try:
        return ChildRun(world, run)
    except BaseException:
        world.tracking.end_run(run.id, "FAILED", reason="The run could not begin.")
        raise
