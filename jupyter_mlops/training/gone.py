"""Gone: telling whether a run's process lives, also from another container or machine, and why it does not."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from jupyter_mlops.core.oom import kernel_log_names, oom_kills_since
from jupyter_mlops.core.process import ProcessId, boot_id, is_alive, kernel_process
from jupyter_mlops.core.run import Run
from jupyter_mlops.ports import World
from jupyter_mlops.training.heartbeat import (
    FRESH_S,
    LOST_S,
    TAG_BEAT_S,
    TAG_FRESH_S,
    Signs,
    is_shared,
    last_beat,
    lock_state,
)

RESTART_S: Final = 3.5
"""A server starts a kernel again within three seconds after it died."""


class Watch:
    """Looks at runs again and again, so that silence is measured by a clock that nobody sets."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._beats: dict[str, tuple[float | None, float]] = {}

    def is_gone(self, run: Run, process: ProcessId) -> bool:
        """Tell whether the process of a run has certainly ended. What cannot be told lives.

        A process of this machine is looked at. That of another container, machine or boot is judged by the lock of its
        journal, where that is in this workspace's folder, and by its heartbeat: it is never gone while that is fresh.
        """
        mine = run.tags.get("mlops.node") == self._world.node
        if process.boot_id == boot_id() and (mine or is_alive(process)):
            return not is_alive(process)
        held = lock_state(self._world.root, run.id)
        if held is not None and (mine or is_same_machine(process)):
            return not held and self._is_silent(run, FRESH_S)
        if held or (mine and not is_same_machine(process)):
            return not held and self._is_silent(run, TAG_FRESH_S if is_shared(self._world) else FRESH_S)
        return self._is_silent(run, LOST_S) and self._seen_s(run) >= 2 * TAG_BEAT_S

    def needs_time(self, run: Run, process: ProcessId) -> bool:
        """Tell whether only a second look, minutes later, can decide."""
        return process.boot_id != boot_id() and self._is_silent(run, LOST_S)

    def _is_silent(self, run: Run, limit_s: float) -> bool:
        """Tell whether a run gave no sign for so long. A sign from the future, by a clock that was set, counts from now."""
        beat = last_beat(self._world, run)
        if beat is None:
            if limit_s < LOST_S:
                return True
            beat = run.started_at
        age_s = time.time() - beat
        return age_s >= limit_s or (age_s < 0 and self._seen_s(run) >= limit_s)

    def _seen_s(self, run: Run) -> float:
        """Return for how long the newest sign has been the same, as far as this watch has looked."""
        beat, now = last_beat(self._world, run), time.monotonic()
        if run.id not in self._beats or self._beats[run.id][0] != beat:
            self._beats[run.id] = (beat, now)
        return now - self._beats[run.id][1]


def process_of(run: Run) -> ProcessId | None:
    """Return the process that a run executes in, ``None`` when its tags do not say."""
    pid, started = run.tags.get("mlops.pid", ""), run.tags.get("mlops.pid_started", "")
    if not pid.isdecimal() or not started.isdecimal():
        return None
    return ProcessId(pid=int(pid), started=int(started), boot_id=run.tags.get("mlops.boot_id", ""))


def is_same_machine(process: ProcessId) -> bool:
    """Tell whether a process belongs to this boot of this machine, perhaps in another container."""
    return process.boot_id.partition("/")[0] == boot_id().partition("/")[0]


def why_gone(world: World, run: Run, process: ProcessId, signs: Signs | None) -> str:
    """Return why a process is gone, as far as there is evidence for it."""
    memory = memory_evidence(process, signs)
    if memory:
        return f"Its process ({process.pid}) was killed. {memory}"
    if process.boot_id != boot_id():
        return _why_elsewhere(world, run, process)
    kernel = run.tags.get("mlops.kernel")
    if kernel:
        now = kernel_process(kernel)
        if now is not None and now != process.pid:
            return f"The kernel was restarted: process {now} took the place of {process.pid}."
        return f"The kernel (process {process.pid}) died, or was shut down, while the run was active."
    what = "worker" if "mlops.handle" in run.tags else "process"
    return f"Its {what} (process {process.pid}) was killed, or ended without ending the run."


def memory_evidence(process: ProcessId | None, signs: Signs | None) -> str:
    """Return the evidence that memory ran out, ``""`` if there is none."""
    if process is not None and is_same_machine(process) and kernel_log_names(process):
        return "The kernel's log says that memory ran out."
    n_kills = oom_kills_since(signs.oom) if signs is not None and signs.oom is not None else 0
    if not n_kills:
        return ""
    some = "a process" if n_kills == 1 else f"{n_kills} processes"
    return f"Most likely memory ran out: meanwhile the kernel ended {some} of its control group for that reason."


def _why_elsewhere(world: World, run: Run, process: ProcessId) -> str:
    if is_same_machine(process):
        return "Its container ended or was restarted while it ran."
    node = run.tags.get("mlops.node", "")
    if node == world.node:
        return "The machine was restarted while it ran."
    beat = last_beat(world, run)
    since = "" if beat is None else f" since {datetime.fromtimestamp(beat).astimezone():%Y-%m-%d %H:%M %Z}"
    return f"No sign of life from {node}{since}; {world.node} gave it up. If it comes back, its own end counts."
