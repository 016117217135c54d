"""Origin: which cell of which notebook a run is, and what of it a fresh kernel would not give again."""

from __future__ import annotations

from typing import Literal

from jupyter_mlops.core.record import Record

UNKNOWN_NOTEBOOK = "unknown"
"""What stands for a notebook's path where nothing tells it."""

Cause = Literal["removed", "changed", "below", "order", "repeated", "stopped", "skipped"]


class CellOrigin(Record, frozen=True, kw_only=True):
    """The cell that a run is."""

    id: str = ""
    """As the front end names it; empty where it names none (papermill)."""
    execution_count: int | None = None
    notebook_in_workspace: str = ""
    """Path of the notebook below the workspace's folder, ``/``-separated; empty when it is elsewhere or unknown."""
    notebook_in_project: str = ""
    """The same, below the project's (the git root or the notebook's folder)."""


class HiddenName(Record, frozen=True, kw_only=True):
    """A variable that a run used and that executing the notebook from top to bottom would not give again."""

    variable: str
    cause: Cause
    """What happened to the cell: it is no longer in the notebook, was changed after it ran, stands below the run's
    cell, ran in another order or more than once, stopped half-way, or was not run at all."""
    cell_id: str = ""
    position: int | None = None
    """Of the cell in the notebook, from 1; ``None`` when it is not there."""
    execution_count: int | None = None
    """When the cell ran, as the notebook counts; ``None`` when it did not."""
    text: str
    """All of it in one sentence."""
