"""Ends the runs whose process is gone, and their child runs; MLflow would leave them RUNNING for ever."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from jupyter_mlops.core.errors import MlopsError, UnknownThing
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.process import ProcessId, boot_id, kernel_process
from jupyter_mlops.core.run import Run
from jupyter_mlops.ports import World
from jupyter_mlops.training.gone import RESTART_S, Watch, process_of, why_gone
from jupyter_mlops.training.heartbeat import TAG_BEAT_S, is_shared, lock_state, signs_of

log = logging.getLogger(__name__)
_TIDIED: set[str] = set()
"""Workspaces that this process has tidied."""
_MANY = 1000
LOCK_S = 2.0


class Reaper:
    """The running runs of a workspace. Looking whether the processes of this machine live costs no look into the store."""

    def __init__(self, world: World, *, patient: bool = False) -> None:
        """Be ``patient`` to wait a moment for a dead kernel's successor, which tells a restart from a death."""
        self._world = world
        self._patient = patient
        self._watch = Watch(world)
        self._running: dict[str, tuple[Run, ProcessId, Run]] = {}
        self._found_dead: dict[str, float] = {}
        self._unshipped: set[RunId] = set()

    def refresh(self) -> None:
        """Read which runs are running. Raises ``Unavailable``."""
        self.look_after(self._world.tracking.runs(status="RUNNING", limit=_MANY))

    def look_after(self, runs: Sequence[Run]) -> None:
        """Take these runs instead of all. One that says nothing of its process lives in the one of its parent."""
        known: dict[str, Run] = {run.id: run for run in runs}
        self._running = {}
        for run in runs:
            owner: Run | None = run
            while owner is not None and process_of(owner) is None:
                owner = self._parent(owner, known)
            process = None if owner is None else process_of(owner)
            if owner is not None and process is not None and run.status == "RUNNING":
                self._running[run.id] = (run, process, owner)

    def reap(self) -> list[Run]:
        """End the runs whose process is gone; returns them as they are now. Raises ``Unavailable``."""
        gone = [each for each in self._running.values() if self._watch.is_gone(each[2], each[1])]
        gone = [each for each in gone if not self._may_be_restarting(each[2], each[1]) and self._is_still(each[0])]
        if not gone and not self._unshipped:
            return []
        reasons = {owner.id: self._why(owner, process) for _, process, owner in gone}
        self._ship([run.id for run, _, _ in gone])
        ended: list[Run] = []
        for run, _, owner in gone:
            reason = reasons[owner.id]
            ended += self._end(run, reason if run.id == owner.id else f"Its parent run ended. {reason}")
            self._running.pop(run.id, None)
            self._found_dead.pop(run.id, None)
        return ended

    def needs_time(self) -> bool:
        """Tell whether only a second look, minutes later, can decide about some run."""
        return any(self._watch.needs_time(owner, process) for _, process, owner in self._running.values())

    def _ship(self, run_ids: Sequence[RunId]) -> None:
        """Ship what the dead had logged, their end included if it came so far.

        The last threads of a process let go of its lock a moment after it is seen dead; what takes longer comes next time.
        """
        self._unshipped.update(run_ids)
        deadline = time.monotonic() + LOCK_S
        while self._held() and time.monotonic() < deadline and run_ids:
            time.sleep(0.02)
        if len(held := self._held()) < len(self._unshipped):
            self._world.journals.ship_leftovers()
            self._unshipped = held

    def _held(self) -> set[RunId]:
        return {run_id for run_id in self._unshipped if lock_state(self._world.root, run_id)}

    def _parent(self, run: Run, known: dict[str, Run]) -> Run | None:
        if run.parent is None or run.parent == run.id:
            return None
        if run.parent not in known:
            try:
                known[run.parent] = self._world.tracking.run(run.parent)
            except UnknownThing:
                return None
        return known[run.parent]

    def _may_be_restarting(self, owner: Run, process: ProcessId) -> bool:
        kernel = owner.tags.get("mlops.kernel")
        if not self._patient or not kernel or process.boot_id != boot_id():
            return False
        found_at = self._found_dead.setdefault(owner.id, time.monotonic())
        return time.monotonic() - found_at < RESTART_S and kernel_process(kernel) is None

    def _is_still(self, run: Run) -> bool:
        """Tell whether a run still says the same of its process: it may have another one by now, or gave a sign."""
        now = self._world.tracking.run(run.id)
        process = process_of(now)
        return process is None or self._watch.is_gone(now, process)

    def _why(self, owner: Run, process: ProcessId) -> str:
        if owner.reason and owner.status in {"FAILED", "KILLED"}:
            return owner.reason
        return why_gone(self._world, owner, process, signs_of(self._world, owner.id))

    def _end(self, run: Run, reason: str) -> list[Run]:
        now = self._world.tracking.run(run.id)
        if now.status != "RUNNING":  # it ended before its process did
            return []
        log.info("run %s: %s", run.id, reason)
        self._world.tracking.end_run(run.id, "KILLED", reason=reason, ended_at=time.time())
        self._world.catalog.record("run", run.id, "reap", {"reason": reason})
        return [self._world.tracking.run(run.id)]


def settle(world: World, runs: Sequence[Run]) -> list[Run]:
    """Return runs as they are, the dead among them ended first: no list shows a dead run as RUNNING.

    Costs nothing where none is running. A store that cannot be written keeps them as they were.
    """
    running = [run for run in runs if run.status == "RUNNING"]
    if not running:
        return list(runs)
    ended: dict[str, Run] = {}
    with suppress(MlopsError):
        reaper = Reaper(world)
        reaper.look_after(running)
        ended = {run.id: run for run in reaper.reap()}
    return [ended.get(run.id, run) for run in runs]


def tidy(world: World) -> None:
    """Ship and end, in a thread, what dead processes left behind: for where no agent runs. Once a process is enough."""
    if world.id in _TIDIED:
        return
    _TIDIED.add(world.id)
    threading.Thread(target=_tidy, args=(world,), name="mlops-tidy", daemon=True).start()


def untidy(world: World) -> None:
    """Let the next run of this process tidy again: one could not be ended, and left that for later."""
    _TIDIED.discard(world.id)


def has_leftovers(root: Path) -> bool:
    """Tell, without a look into the store, whether a dead process left a run behind in a ``.mlops`` folder."""
    journals = root / "journal"
    folders = list(journals.iterdir()) if journals.is_dir() else []
    return any(lock_state(root, RunId(folder.name)) is False for folder in folders)


def _tidy(world: World) -> None:
    reaper = Reaper(world)
    try:
        reaper.refresh()
        reaper.reap()
        world.journals.ship_leftovers()  # after it: a journal tells of its process
        if is_shared(world) and reaper.needs_time():
            time.sleep(2 * TAG_BEAT_S + 1)
            reaper.reap()
    except MlopsError as error:
        log.info("%s", error)
        untidy(world)
