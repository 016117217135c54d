"""Recorder: notes each cell that an IPython shell executes, and says what a tracked one used that is hidden."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.origin import CellOrigin, HiddenName
from jupyter_mlops.inputs.git import project_root
from jupyter_mlops.training.hidden import Session
from jupyter_mlops.training.history import Execution, Stamp, read_saved, session_notebook, stamp_of, view_of
from jupyter_mlops.training.replay import run_above
from jupyter_mlops.training.statements import Reader

_log: Final = logging.getLogger(__name__)


class Recorder:
    """The executions of one shell. Nothing that goes wrong in here reaches a cell.

    ``notebook`` returns the path of the notebook, however little is known of it.
    """

    def __init__(self, shell: Any, notebook: Callable[[], str]) -> None:
        self._shell = shell
        self._notebook = notebook
        self._first_stamp = self._stamp()
        self.reader = Reader(shell.input_transformer_manager.transform_cell)
        self.session = Session(self.reader)
        self._began: dict[int, tuple[Stamp | None, frozenset[str] | None]] = {}
        self._seeded = False

    def begin(self, info: Any) -> None:
        """Note that a cell begins, and which saving of its notebook is there."""
        if not info.store_history:
            return  # a front end's own code
        try:
            opaque = self.session.is_opaque(str(info.raw_cell))
            names = frozenset(self._shell.user_ns) if opaque else None
            self._began[id(info)] = (self._stamp(), names)
        except Exception:  # noqa: BLE001  # a cell must never fail for our notes
            _log.debug("A cell's beginning could not be noted.", exc_info=True)

    def end(self, result: Any) -> None:
        """Note a cell that has ended."""
        info = result.info
        if info is None or not info.store_history:
            return
        try:
            self._seed(result.execution_count)
            stamp, names = self._began.pop(id(info), (self._first_stamp, None))
            error = result.error_before_exec or result.error_in_exec
            self.session.add(
                Execution(
                    source=str(info.raw_cell),
                    count=result.execution_count,
                    cell_id=str(info.cell_id or ""),
                    failed=error is not None,
                    stopped_at=0 if result.error_before_exec is not None else self._line(result.error_in_exec),
                    stamp=stamp,
                    bound=frozenset(self._shell.user_ns) - names if names is not None else frozenset(),
                )
            )
        except Exception:  # noqa: BLE001  # a cell must never fail for our notes
            _log.debug("A cell's execution could not be noted.", exc_info=True)

    def _seed(self, count: int | None) -> None:
        """Take over, once, the cells that were executed before we were there to note them."""
        if self._seeded:
            return
        self._seeded = True
        history = self._shell.history_manager
        failed = getattr(history, "exceptions", {})
        for number, source in enumerate(history.input_hist_raw):
            if source.strip() and (count is None or number < count):
                one = Execution(source=source, count=number, failed=number in failed, stamp=self._first_stamp)
                self.session.add(one)

    def _line(self, error: BaseException | None) -> int | None:
        """Return the line of the cell at which it failed."""
        trace = error.__traceback__ if error is not None else None
        while trace is not None:
            if trace.tb_frame.f_globals is self._shell.user_global_ns and trace.tb_frame.f_code.co_name.startswith("<"):
                return trace.tb_lineno
            trace = trace.tb_next
        return None if error is None else 0

    def _stamp(self) -> Stamp | None:
        return stamp_of(Path(self._notebook()))

    def origin(self, info: Any, home: Path, folder: Path) -> CellOrigin:
        """Return which cell begins now: of a workspace in ``home``, and of the project that ``folder`` belongs to."""
        counted = info is not None and info.store_history
        path = Path(self._notebook())
        return CellOrigin(
            id=str(getattr(info, "cell_id", None) or ""),
            execution_count=self._shell.execution_count - 1 if counted else None,
            notebook_in_workspace=_below(path, home),
            notebook_in_project=_below(path, project_root(folder)),
        )

    def notebook(self) -> str:
        """Return all that was executed as a notebook."""
        return session_notebook(self.session.executions)

    def hidden(self) -> list[HiddenName]:
        """Return what the cell that ended last used and its notebook would not give; nothing where nobody can tell."""
        if run_above():
            return []  # a worker's kernel is a fresh one, which executes from top to bottom
        try:
            executions = self.session.executions
            view = view_of(read_saved(Path(self._notebook())), executions, executions[-1])
            return self.session.hidden(view)
        except Exception:  # noqa: BLE001  # a cell must never fail for our notes
            _log.debug("Whether the cell used hidden state could not be told.", exc_info=True)
            return []


def _below(path: Path, folder: Path) -> str:
    path, folder = path.resolve(), folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_file() and path.is_relative_to(folder) else ""
