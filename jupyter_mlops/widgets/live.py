"""A card that follows its run while the cell executes, and becomes the final card where it stands."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.ids import new_id
from jupyter_mlops.core.run import SYSTEM, Run
from jupyter_mlops.store.lane import SUFFIX, LaneReader
from jupyter_mlops.widgets.card import MOST_TRENDS, Card, Progress, bundle, live_card, run_card
from jupyter_mlops.widgets.trends import Series, Trend
from jupyter_mlops.workspace import Workspace

EVERY_S: Final = 1.0
STILL_EVERY_S: Final = 10.0
"""How often the card of a run that logs nothing is sent again, for viewers that cannot count seconds themselves."""
_READS: Final = 10
"""Of some thousand points each, at a time: the rest comes with the next update."""
_PERCENT: Final = re.compile(r"(\d{1,3})(?:\.\d+)? ?%")
_MOST_PROGRESS: Final = 200


class Tail:
    """What a run has logged, read from its journal, so that ``ml.log`` does no work for a card."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lanes: dict[str, LaneReader] = {}
        self._series: dict[str, Series] = {}

    def read(self) -> bool:
        """Take in what was logged since the last call, or a good part of it; tell whether there was something."""
        news = False
        try:
            for path in self._folder.glob(f"*{SUFFIX}"):
                if path.name not in self._lanes:
                    self._lanes[path.name] = LaneReader(path, from_start=True)
            for lane in self._lanes.values():
                news = self._read_lane(lane) or news
        except OSError:
            pass  # shipped and taken away meanwhile: MLflow has it
        return news

    def close(self) -> None:
        """Take in the rest, before the journal is shipped and taken away."""
        while self.read():
            pass
        for lane in self._lanes.values():
            lane.close()
        self._lanes.clear()

    def trends(self) -> list[Trend]:
        """Return how each metric went, in the order they were first logged."""
        return [series.trend(name) for name, series in list(self._series.items())[:MOST_TRENDS]]

    def _read_lane(self, lane: LaneReader) -> bool:
        for n_read in range(_READS):
            points = lane.read()
            if not points:
                return n_read > 0
            for point in points:
                if point.key.startswith(SYSTEM):
                    continue  # of the machine, not of the code
                self._series.setdefault(point.key, Series()).add(point.step, point.value)
        return True


class RunWatch:
    """The card of one tracked cell. ``heard`` is told each message that the kernel sends meanwhile."""

    def __init__(self, shell: Any, world: Workspace, run: Run) -> None:
        self._world = world
        self._run = run
        self._tail = Tail(world.root / "journal" / run.id)
        self._progress: Progress | None = None
        self._display = _Display(shell) if is_watched(shell) else None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Show the card where somebody looks, and follow the run from a thread."""
        if self._display is None:
            return
        self._display.show(bundle(self._card()))
        self._thread = threading.Thread(target=self._follow, name=f"mlops-card-{self._run.id[:8]}", daemon=True)
        self._thread.start()

    def heard(self, kind: str, body: Mapping[str, Any]) -> None:
        """Hear a message: progress bars are taken from it, and a cleared output has no card any more."""
        if kind == "clear_output" and self._display is not None:
            self._display.is_gone = True
        elif kind == "stream" and "\r" in body["text"]:
            self._progress = progress_in(body["text"]) or self._progress

    def stop(self) -> None:
        """Follow no longer: nothing is sent after this but ``finish``'s card."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._tail.close()

    def finish(self, run: Run) -> dict[str, Any] | None:
        """Turn the live card into the final one; return it, to be shown anew, if there is no live one any more."""
        final = bundle(run_card(self._world, run, self._tail.trends()))
        if self._display is None or self._display.is_gone:
            return final
        self._display.update(final)
        return None

    def _card(self) -> Card:
        return live_card(self._world, self._run, self._tail.trends(), self._progress)

    def _follow(self) -> None:
        assert self._display is not None
        sent_at, sent_progress = time.monotonic(), self._progress
        while not self._ended.wait(EVERY_S) and not self._display.is_gone:
            news = self._tail.read() or self._progress != sent_progress
            if not news and time.monotonic() - sent_at < STILL_EVERY_S:
                continue
            sent_at, sent_progress = time.monotonic(), self._progress
            try:
                self._display.update(bundle(self._card()))
            except Exception:  # noqa: BLE001  # a card must never disturb the run: the final one will say all
                return


class _Display:
    """One output of one cell, written from any thread: each message carries the cell's own header."""

    def __init__(self, shell: Any) -> None:
        kernel = shell.kernel
        self._session, self._socket = kernel.session, kernel.iopub_socket
        self._parent = kernel.get_parent("shell")
        self._transient = {"display_id": f"mlops-{new_id()}"}
        self.is_gone = False

    def show(self, data: Mapping[str, Any]) -> None:
        self._send("display_data", data)

    def update(self, data: Mapping[str, Any]) -> None:
        self._send("update_display_data", data)

    def _send(self, kind: str, data: Mapping[str, Any]) -> None:
        content = {"data": data, "metadata": {}, "transient": self._transient}
        self._session.send(self._socket, kind, content, parent=self._parent, ident=b"display_data")


def is_watched(shell: Any) -> bool:
    """Tell whether a person may look at the cell while it runs: in JupyterLab, Notebook and VS Code.

    papermill, nbconvert and plain IPython say nothing of the kind, and get the final card alone.
    """
    if getattr(shell, "kernel", None) is None or os.environ.get("MLOPS_RUN_ID"):
        return False
    return bool(os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__"))


def progress_in(text: str) -> Progress | None:
    """Return what the last progress bar in a piece of output says: a line written over, with a percentage in it."""
    for piece in reversed(text.replace("\n", "\r").split("\r")):
        found = _PERCENT.search(piece)
        if found is not None and int(found.group(1)) <= 100:  # noqa: PLR2004  # per cent
            return Progress(fraction=int(found.group(1)) / 100, text=piece.strip()[:_MOST_PROGRESS])
    return None
