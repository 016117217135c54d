"""Telling how an activity gets on, and hearing that it should not."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.ports import World

EVERY_S: Final = 0.2
LONGEST_MESSAGE: Final = 500


class Cancelled(Exception):
    """Somebody asked that the activity be called off."""


class Interrupted(Exception):
    """The agent is being stopped: the activity goes on with the next one."""


class Progress:
    """``ports.Say`` for one activity: message and fraction go to the catalog, each line to the activity's log.

    Raises ``Cancelled`` and ``Interrupted`` from within the work that tells its progress.
    """

    def __init__(self, world: World, activity: Activity, stopping: threading.Event) -> None:
        self._world = world
        self._id = activity.name
        self._stopping = stopping
        self._told = ("", -1.0)
        self._looked = 0.0
        self._log: Path = world.root / "activities" / f"{activity.name}.log"
        self._log.parent.mkdir(exist_ok=True)

    def __call__(self, line: str, fraction: float) -> None:
        """Tell a step and how much is done (0 to 1)."""
        if self._stopping.is_set():
            raise Interrupted
        if line != self._told[0]:
            self._write(line)
        now = time.monotonic()
        if now - self._looked < EVERY_S and line == self._told[0]:
            return
        self._looked = now
        if self._world.catalog.get(Activity, self._id).cancel_asked:
            raise Cancelled
        if (line, fraction) != self._told:
            self._told = (line, fraction)
            step = {"message": line[:LONGEST_MESSAGE], "progress": min(max(fraction, 0.0), 1.0)}
            self._world.catalog.edit(
                Activity, self._id, lambda one: msgspec.structs.replace(one, **step), verb="progress"
            )

    def _write(self, line: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as log:  # the work matters more
            log.write(f"{stamp} {line}\n")
