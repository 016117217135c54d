"""A recorded session: what a kernel executed for the run of one cell, made ready to be executed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.training.capture import Capture
from jupyter_mlops.training.cells import is_tracked

REPRODUCES_TAG: Final = "mlops.reproduces"
NOTEBOOK: Final = "source/session.ipynb"
CELL: Final = "source/cell.py"
ENVIRONMENT: Final = "mlops/environment.json"
"""Artifacts of a run: the session, the cell, the packages."""


class NoSession(Conflict):
    """What a kernel executed for a run is not there, or cannot be read."""

    code = "no-session"

    def __init__(self, run: str) -> None:
        super().__init__(
            f"The cells that the kernel executed for the run {run} are not stored, so they cannot be executed again.",
            hint="Runs keep them since this version: run the cell again, and reproduce that run.",
        )


def replayed(text: bytes, run: str) -> tuple[str, int]:
    """Return a session as a notebook to execute, whose failed cells may fail, and how many of its cells are tracked.

    Raises ``NoSession``.
    """
    try:
        content = json.loads(text)
        cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        for cell in cells[:-1]:
            if cell["metadata"].get("mlops", {}).get("status") == "error":
                cell["metadata"].setdefault("tags", []).append("raises-exception")
        n_tracked = sum(is_tracked(cell["source"]) for cell in cells)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoSession(run) from error
    if not n_tracked or not is_tracked(cells[-1]["source"]):
        raise NoSession(run)
    return json.dumps(content), n_tracked


def recall(capture: Capture, work: Path) -> tuple[Path, int]:
    """Write the session that a run reproduces into a folder; return where, and which tracked cell the run is.

    The new run keeps session and cell as its own. Raises ``NoSession``.
    """
    tracking, original = capture.world.tracking, RunId(capture.run.tags[REPRODUCES_TAG])
    text = tracking.read(original, NOTEBOOK)
    notebook, n_tracked = replayed(text, original)
    capture.store_text(text, *NOTEBOOK.split("/"))
    if cell := tracking.read(original, CELL):
        capture.store_text(cell, *CELL.split("/"))
    path = work / "session.ipynb"
    path.write_text(notebook, encoding="utf-8")
    return path, n_tracked
