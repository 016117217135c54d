"""The active run of this process, which ``ml.log`` and its kin write to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.ports import World
from jupyter_mlops.training.metrics import Counter


class NoActiveRun(Conflict):
    """Something was to be logged while no run is active."""

    code = "no-active-run"

    def __init__(self) -> None:
        super().__init__(
            "No run is active here.",
            hint="Put `%%ml run` on the first line of the cell, or run the file with `mlops run FILE`.",
        )


class ActiveRun(Protocol):
    """What can be done with the run that is active."""

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None: ...  # noqa: D102  # see Capture
    def store(self, file: Path, folder: str = "", *, name: str | None = None) -> None: ...  # noqa: D102  # the same
    def store_text(self, text: str | bytes, folder: str, name: str) -> None: ...  # noqa: D102  # the same


_stack: list[ActiveRun] = []
_child: dict[str, ActiveRun] = {}


def activate(run: ActiveRun) -> None:
    """Make a run the active one of all threads."""
    _stack.append(run)


def deactivate(run: ActiveRun) -> None:
    """Undo ``activate``."""
    _stack.remove(run)


def active_run(open_world: Callable[[], World]) -> ActiveRun:
    """Return the active run: a tracked cell's, else the one that a worker started this process for.

    Raises ``NoActiveRun``.
    """
    if _stack:
        return _stack[-1]
    run_id = os.environ.get("MLOPS_RUN_ID")
    if not run_id:
        raise NoActiveRun
    if run_id not in _child:
        _child[run_id] = _ChildRun(open_world(), RunId(run_id))
    return _child[run_id]


class _ChildRun:
    """A run whose worker, in another process, ships the journal that this one appends to."""

    def __init__(self, world: World, run_id: RunId) -> None:
        self._world = world
        self._run_id = run_id
        self._counter = Counter()
        self._journal = world.journals.append(run_id)

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        self._journal(self._counter.points(values, step))

    def store(self, file: Path, folder: str = "", *, name: str | None = None) -> None:
        self._world.tracking.store(self._run_id, file, folder, name=name)

    def store_text(self, text: str | bytes, folder: str, name: str) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / name
            file.write_bytes(text.encode() if isinstance(text, str) else text)
            self.store(file, folder)
