"""The heartbeat: signs that a run's process lives, for those who cannot see the process itself.

In the run's journal lies a file that is touched every two seconds, beside a lock that the kernel lets go of when the process
ends. Where several machines share a tracking store, a tag of the run is set once a minute too.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.oom import OomCount, oom_count
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.run import Run
from jupyter_mlops.ports import World
from jupyter_mlops.training.pulse import PULSE

log = logging.getLogger(__name__)
BEAT_S: Final = 2.0
FRESH_S: Final = 8.0
"""A file that was touched this recently belongs to a process that lives."""
TAG_BEAT_S: Final = 60.0
TAG_FRESH_S: Final = 200.0
"""The same for the tag."""
LOST_S: Final = 24 * 3600.0
"""After so long without a sign from another machine, a run there is given up. A laptop may sleep for a night."""
TAG: Final = "mlops.heartbeat"
"""Seconds since the epoch, by the clock of the run's machine."""


class Signs(Record, frozen=True, kw_only=True):
    """What a run's process notes when it begins, for whoever finds it gone."""

    node: str
    oom: OomCount | None = None


class Heartbeat:
    """Beats for one run of this process, from now until ``stop``."""

    def __init__(self, world: World, run_id: RunId) -> None:
        self._world = world
        self._run_id = run_id
        self._file = _file(world.root, run_id)
        self._told_at = time.time()
        self._telling: threading.Thread | None = None
        self._tell_at = time.monotonic() + TAG_BEAT_S
        with suppress(OSError):  # a full disk; the process itself can still be seen
            replace_file(self._file, encode(Signs(node=world.node, oom=oom_count())))
        self._beat = PULSE.every(self._beat_once, BEAT_S)

    def stop(self) -> None:
        """Beat no more."""
        self._beat.stop()

    def _beat_once(self) -> float:
        try:
            os.utime(self._file)
        except OSError as error:  # a journal that was taken away, too: the run has ended
            log.info("the heartbeat of run %s: %s", self._run_id, error)
        is_telling = self._telling is not None and self._telling.is_alive()
        if is_shared(self._world) and time.monotonic() >= self._tell_at and not is_telling:
            self._tell_at = time.monotonic() + TAG_BEAT_S
            # A server may take its time: other runs' hearts must not wait for it.
            self._telling = threading.Thread(target=self._tell, name=f"mlops-tell-{self._run_id[:8]}", daemon=True)
            self._telling.start()
        return BEAT_S

    def _tell(self) -> None:
        now = time.time()
        tags = {TAG: str(int(now))}
        if now - self._told_at > LOST_S:
            tags["mlops.reason"] = ""  # this machine slept so long that others have given the run up
        with suppress(MlopsError):  # the server is away; nobody gives a run up before a day is over
            self._world.tracking.log(self._run_id, tags=tags)
            self._told_at = now


def is_shared(world: World) -> bool:
    """Tell whether other machines may have runs in the tracking store: not in a file of one machine."""
    return not world.tracking.uri.startswith("sqlite:")


def signs_of(world: World, run_id: RunId) -> Signs | None:
    """Return what the process of a run noted when it began, ``None`` if that is not in this workspace's folder."""
    try:
        return decode(_file(world.root, run_id).read_bytes(), Signs)
    except (OSError, msgspec.DecodeError):
        return None


def last_beat(world: World, run: Run) -> float | None:
    """Return the newest sign of life, in seconds since the epoch."""
    found = []
    with suppress(OSError):
        found.append(_file(world.root, run.id).stat().st_mtime)
    told = run.tags.get(TAG, "")
    if told.isdecimal():
        found.append(float(told))
    return max(found, default=None)


def lock_state(root: Path, run_id: RunId) -> bool | None:
    """Tell whether the lock of a run's journal is held; ``None`` if there is none in this workspace's folder."""
    try:
        with (_file(root, run_id).parent / "owner").open("rb") as owner:
            fcntl.flock(owner, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _file(root: Path, run_id: RunId) -> Path:
    return root / "journal" / run_id / "heartbeat"
