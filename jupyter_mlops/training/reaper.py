"""Ends the runs whose process is gone; MLflow would leave them RUNNING for ever."""

from __future__ import annotations

import logging
import threading
import time

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.process import ProcessId, boot_id, is_alive
from jupyter_mlops.core.run import Run
from jupyter_mlops.ports import World
from jupyter_mlops.training.runs import process_of

log = logging.getLogger(__name__)
_TIDIED: set[str] = set()
"""Workspaces that this process has tidied."""


class Reaper:
    """The running runs of this node. Looking whether their processes live costs no look into the store."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: dict[str, tuple[Run, ProcessId]] = {}

    def refresh(self) -> None:
        """Read which runs are running. Raises ``Unavailable``."""
        runs = self._world.tracking.runs(status="RUNNING", limit=1000)
        found = ((run, process_of(run)) for run in runs if run.tags.get("mlops.node") == self._world.node)
        self._running = {run.id: (run, process) for run, process in found if process is not None}

    def reap(self) -> list[Run]:
        """End the runs whose process is gone; returns them as they are now. Raises ``Unavailable``."""
        ended: list[Run] = []
        for run, process in list(self._running.values()):
            if is_alive(process) or not can_tell(process):
                continue
            self._world.journals.ship_leftovers()  # what it had logged, its end included if it came so far
            if self._world.tracking.run(run.id).status == "RUNNING":  # else it ended before its process did
                reason = why_gone(process)
                log.info("run %s: %s", run.id, reason)
                self._world.tracking.end_run(run.id, "KILLED", reason=reason, ended_at=time.time())
                self._world.catalog.record("run", run.id, "reap", {"reason": reason})
                ended.append(self._world.tracking.run(run.id))
            self._running.pop(run.id, None)
        return ended


def tidy(world: World) -> None:
    """Ship and end, in a thread, what dead processes left behind: for where no agent runs. Once a process is enough."""
    if world.id in _TIDIED:
        return
    _TIDIED.add(world.id)
    threading.Thread(target=_tidy, args=(world,), name="mlops-tidy", daemon=True).start()


def untidy(world: World) -> None:
    """Let the next run of this process tidy again: one could not be ended, and left that for later."""
    _TIDIED.discard(world.id)


def _tidy(world: World) -> None:
    reaper = Reaper(world)
    try:
        world.journals.ship_leftovers()
        reaper.refresh()
        reaper.reap()
    except MlopsError as error:
        log.info("%s", error)
        untidy(world)


def can_tell(process: ProcessId) -> bool:
    """Tell whether a process would be seen from here: not in another pid namespace of this same boot."""
    there, here = process.boot_id, boot_id()
    return there == here or there.partition("/")[0] != here.partition("/")[0]


def why_gone(process: ProcessId) -> str:
    """Return why a process is gone, as far as that can be known."""
    if process.boot_id != boot_id():
        return "The machine was restarted while it ran."
    return f"Its process ({process.pid}) ended without ending the run."
