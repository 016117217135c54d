"""History: every cell that this kernel executed, in order, and the notebook as it is now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from jupyter_mlops.core.record import decode

Stamp = tuple[int, int, int]
"""Which saving of a file this is: mtime in ns, size, inode."""

# What papermill writes over a cell that it puts in.
INJECTED: Final = "# Parameters\n"
_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Execution:
    """One execution of one cell."""

    source: str
    """As it was typed, magics included."""
    count: int | None
    cell_id: str = ""
    failed: bool = False
    stopped_at: int | None = None
    """The line at which it failed, from 1; 0 when it did not even begin."""
    stamp: Stamp | None = None
    """Which saving of the notebook was there when it began: a later one knows more than this execution."""
    bound: frozenset[str] = frozenset()
    """New names that its text does not tell."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """A code cell of the notebook as it is now."""

    source: str
    id: str = ""
    position: int | None = None
    """In the notebook, from 1; ``None`` when no file tells."""


class _SavedCell(msgspec.Struct):
    cell_type: str = ""
    source: str | list[str] = ""
    id: str = ""


class _SavedNotebook(msgspec.Struct):
    cells: list[_SavedCell] = []


@dataclass(frozen=True, kw_only=True)
class Saved:
    """The code cells of a notebook file."""

    stamp: Stamp
    cells: list[Cell]


def stamp_of(path: Path) -> Stamp | None:
    """Return which saving of a file this is; ``None`` where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def read_saved(path: Path) -> Saved | None:
    """Read the code cells of a notebook file; ``None`` when it cannot be read as one. Outputs are skipped unread."""
    stamp = stamp_of(path)
    if stamp is None:
        return None
    try:
        content = decode(path.read_bytes(), _SavedNotebook)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    cells = [
        Cell(source=_text(one.source), id=one.id, position=number)
        for number, one in enumerate(content.cells, 1)
        if one.cell_type == "code" and not _text(one.source).startswith(INJECTED)
    ]
    return Saved(stamp=stamp, cells=cells)


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


@dataclass
class View:
    """The notebook as it is now, and where in it each execution belongs.

    The newest word on a cell counts: its last execution, or the file if it was saved since. So an edit that was
    executed but not saved is no change, and a new cell that was not saved yet ("floating") is not a removed one.
    """

    cells: list[Cell] = field(default_factory=list)
    ordered: bool = False
    """The cells are known to stand in this order, and there are no others among them."""
    _of: dict[int, Cell | None] = field(default_factory=dict)
    _floating: set[int] = field(default_factory=set)

    def cell_of(self, execution: Execution) -> Cell | None:
        """Return the cell that an execution was of; ``None`` when it is no longer there, or not saved yet."""
        return self._of.get(id(execution))

    def is_floating(self, execution: Execution) -> bool:
        """Tell whether an execution's cell is in no file yet, so that nobody knows where it stands."""
        return id(execution) in self._floating


def view_of(saved: Saved | None, executions: Sequence[Execution], tracked: Execution) -> View:
    """Return the notebook as it is now."""
    latest = {one.cell_id: one for one in executions if one.cell_id}
    if saved is None:
        return _session_view(latest, executions)
    view = View(ordered=True)
    with_ids = any(cell.id for cell in saved.cells)
    for cell in saved.cells:
        last = latest.get(cell.id) if cell.id else None
        newer = last is not None and (last is tracked or last.stamp == saved.stamp)
        source = last.source if last is not None and newer else cell.source
        view.cells.append(Cell(source=source, id=cell.id, position=cell.position))
    by_id = {cell.id: cell for cell in view.cells if cell.id}
    by_text: dict[str, list[Cell]] = {}
    for cell in view.cells:
        by_text.setdefault(cell.source.strip(), []).append(cell)
    position = 0
    for one in executions:
        last = latest.get(one.cell_id, one)
        found = by_id.get(one.cell_id) if one.cell_id else None
        if found is None:
            found = _next(by_text.get(one.source.strip()) or by_text.get(last.source.strip()) or [], position)
        view._of[id(one)] = found  # noqa: SLF001  # we are making it
        position = found.position or position if found is not None else position
        if found is None and (last.stamp == saved.stamp or one is tracked):
            view._floating.add(id(one))  # noqa: SLF001  # the same
            if not (with_ids and _ID.fullmatch(one.cell_id)):
                view.ordered = False  # an unsaved edit of we cannot know which cell
    return view


def _next(cells: list[Cell], position: int) -> Cell | None:
    """Return the first of equal cells that stands at or below a position: papermill executes them in turn."""
    below = (cell for cell in cells if (cell.position or 0) > position)
    return next(below, cells[0] if cells else None)


def _session_view(latest: dict[str, Execution], executions: Sequence[Execution]) -> View:
    """Return what is known with no file: the last source of each cell that has an id."""
    view = View()
    cells = {key: Cell(source=one.source, id=key) for key, one in latest.items()}
    view.cells = list(cells.values())
    for one in executions:
        view._of[id(one)] = cells.get(one.cell_id)  # noqa: SLF001  # we are making it
        if not one.cell_id:
            view._floating.add(id(one))  # noqa: SLF001  # the same
    return view


def session_notebook(executions: Iterable[Execution]) -> str:
    """Return executed cells, in the order of their execution, as a notebook (nbformat 4.5).

    A cell that was executed twice is there twice; ``metadata.mlops`` holds the id that it has in its notebook.
    """
    used: set[str] = set()
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"language_info": {"name": "python"}},
            "cells": [_session_cell(number, one, used) for number, one in enumerate(executions, 1)],
        },
        indent=1,
    )


def _session_cell(number: int, one: Execution, used: set[str]) -> dict[str, Any]:
    name = one.cell_id if _ID.fullmatch(one.cell_id) and one.cell_id not in used else f"execution-{number}"
    while name in used:
        name = f"{name[:60]}-x"
    used.add(name)
    ours = {"cell_id": one.cell_id, "status": "error" if one.failed else "ok"}
    return {
        "cell_type": "code",
        "id": name,
        "execution_count": one.count,
        "metadata": {"mlops": {key: value for key, value in ours.items() if value}},
        "outputs": [],
        # what is not UTF-8 in a cell came from a broken terminal; a notebook must be
        "source": one.source.encode("utf-8", "replace").decode(),
    }
