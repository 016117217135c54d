"""Hints on Jupyter's event bus, so that a panel hears of every change, from whatever process it comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jupyter_events import EventLogger

from jupyter_mlops.server.place import Place

if TYPE_CHECKING:
    from jupyter_mlops.store.feed import Change, ChangeFeed
    from jupyter_mlops.workspace import Workspace

SCHEMA_ID: Final = "https://events.jupyter.org/jupyter_mlops/change/v1"
SCHEMA_FILE: Final = Path(__file__).with_name("schemas") / "change.yaml"
PERIOD_S: Final = 0.2
PAUSE_S: Final = 2.0
"""Until the next try after the store did not answer."""
MANY: Final = 20
"""Beyond so many things of one kind in a period, one hint without a name stands for all."""


class Hints:
    """Reads the change feed in a thread and emits on the loop: at most one hint for each thing in a period."""

    def __init__(self, place: Place, bus: EventLogger, log: logging.Logger) -> None:
        self._place = place
        self._bus = bus
        self._log = log
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._feed: ChangeFeed | None = None
        self._workspace: Workspace | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="mlops-hints")

    async def stop(self) -> None:
        """End; returns when no thread of it runs any more."""
        self._stopping.set()
        if self._task is not None:
            await self._task
            await asyncio.to_thread(self._close)

    async def _run(self) -> None:
        silent = False
        while not self._stopping.is_set():
            pause_s = PERIOD_S
            try:
                for hint in await asyncio.to_thread(self._poll):
                    self._bus.emit(schema_id=SCHEMA_ID, data=hint)
                silent = False
            except Exception:  # noqa: BLE001  # logged; the hints must live on until the disk or the database is back
                level = logging.DEBUG if silent else logging.ERROR
                self._log.log(level, "The workspace's changes cannot be read; trying again.", exc_info=True)
                silent, pause_s = True, PAUSE_S
            try:
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            except TimeoutError:
                continue

    def _poll(self) -> list[dict[str, Any]]:
        workspace = self._place.workspace()
        if workspace is not self._workspace:
            self._close()
            self._workspace = workspace
        if workspace is None:
            return []
        if self._feed is None:
            self._feed = workspace.feed()
            # Whoever watched an empty place learns that there is something to fetch.
            return [_hint(workspace.id, self._feed.seq, "workspace", "", "open")]
        return merge(workspace.id, self._feed.poll())

    def _close(self) -> None:
        if self._feed is not None:
            self._feed.close()
            self._feed = None


def merge(workspace: str, changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return one hint for each thing that changed, with its last verb; one without a name for a kind of which ``MANY`` changed."""
    last = {(change.kind, change.name): change for change in changes}
    kinds: dict[str, list[Change]] = {}
    for change in last.values():
        kinds.setdefault(change.kind, []).append(change)
    hints: list[dict[str, Any]] = []
    for kind, group in kinds.items():
        newest = max(group, key=lambda change: change.seq)
        if len(group) > MANY:
            hints.append(_hint(workspace, newest.seq, kind, "", newest.verb))
        else:
            hints.extend(_hint(workspace, change.seq, kind, change.name, change.verb) for change in group)
    return hints


def _hint(workspace: str, seq: int, kind: str, name: str, verb: str) -> dict[str, Any]:
    return {"workspace": workspace, "seq": seq, "kind": kind, "name": name, "verb": verb}
