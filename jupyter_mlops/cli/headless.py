"""Executing a notebook from start to end without a browser, cell by cell, in this very interpreter's kernel."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import Failed
from jupyter_mlops.training.notebook import this_interpreter

if TYPE_CHECKING:
    from nbformat import NotebookNode

OnCell = Callable[[int, int, str, float | None], None]
"""Told ``(number, of how many, label, seconds)``: when a cell begins (seconds ``None``) and when it has ended."""


class CellFailed(Failed):
    """A cell of a notebook raised."""

    code = "cell-failed"


def execute(
    notebook: Path, output: Path, *, parameters: Mapping[str, Any], env: Mapping[str, str], on_cell: OnCell
) -> None:
    """Execute ``notebook`` in the folder of ``output`` and keep the executed notebook there, also when a cell fails.

    Raises ``CellFailed`` with the cell's own error.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    progress = _Progress(on_cell)
    with _environment(env):
        try:
            papermill.execute_notebook(
                str(notebook),
                str(output),
                parameters=dict(parameters),
                kernel_name="python3",
                cwd=str(output.parent),
                progress_bar=False,
                kernel_manager_class=this_interpreter(),
                extra_arguments=["--log-level=CRITICAL"],  # what matters of a cell is in its outputs
                on_notebook_start=progress.begin,
                on_cell_start=progress.start,
                on_cell_executed=progress.executed,
            )
        except PapermillExecutionError as error:
            raise CellFailed(
                f"The cell {progress.label!r} failed: {_error_of(error)}",
                hint=_hint_of(error) or f"See it in {output}: `jupyter lab {output}`.",
            ) from error
        except DeadKernelError as error:
            raise CellFailed(
                f"The kernel died in the cell {progress.label!r}.",
                hint="Often memory ran out; close other programs and try again.",
            ) from error


def label_of(cells: list[NotebookNode], index: int) -> str:
    """Return what a cell is about: its first line if that is a comment, else the heading above it."""
    first = str(cells[index].source).strip().partition("\n")[0]
    if first.startswith("# "):
        return first[2:].strip()
    for cell in reversed(cells[:index]):
        lines = str(cell.source).splitlines()
        headings = [line.lstrip("# ") for line in lines if line.startswith("#")]
        if cell.cell_type == "markdown" and headings:
            return headings[-1]
    return first


class _Progress:
    """Counts code cells and times them."""

    def __init__(self, on_cell: OnCell) -> None:
        self._on_cell = on_cell
        self._cells: list[NotebookNode] = []
        self._numbers: dict[int, int] = {}
        self._began = 0.0
        self.label = ""

    def begin(self, notebook: NotebookNode) -> None:
        self._cells = list(notebook.cells)
        code = [i for i, cell in enumerate(self._cells) if _counts(cell)]
        self._numbers = {index: number for number, index in enumerate(code, start=1)}

    def start(self, cell: NotebookNode, cell_index: int) -> None:
        del cell
        if cell_index in self._numbers:
            self.label = label_of(self._cells, cell_index)
            self._began = time.monotonic()
            self._on_cell(self._numbers[cell_index], len(self._numbers), self.label, None)

    def executed(self, cell: NotebookNode, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        del cell
        if cell_index in self._numbers and execute_reply["content"]["status"] == "ok":
            took = time.monotonic() - self._began
            self._on_cell(self._numbers[cell_index], len(self._numbers), self.label, took)


def _counts(cell: NotebookNode) -> bool:
    """Tell whether a cell is one of the notebook's own that does something."""
    injected = "injected-parameters" in cell.metadata.get("tags", [])
    return cell.cell_type == "code" and bool(str(cell.source).strip()) and not injected


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _error_of(error: Any) -> str:
    return f"{error.ename}: {' '.join(str(error.evalue).split())}"


def _hint_of(error: Any) -> str:
    lines = [line for line in error.traceback if line.startswith("Hint: ")]
    return lines[-1].removeprefix("Hint: ") if lines else ""
