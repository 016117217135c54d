"""The active run of this process, which ``ml.log`` and its kin write to."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.ports import Points, World
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

    @property
    def world(self) -> World: ...  # noqa: D102  # the workspace that the run belongs to
    @property
    def run_id(self) -> RunId: ...  # noqa: D102  # its id
    @property
    def journal(self) -> Points: ...  # noqa: D102  # where its metrics go
    def log(self, values: Mapping[str, Any], step: int | None = None) -> None: ...  # noqa: D102  # see Capture
    def store(self, file: Path, folder: str = "", *, name: str | None = None) -> None: ...  # noqa: D102  # the same
    def store_text(self, text: str | bytes, folder: str, name: str) -> None: ...  # noqa: D102  # the same


_stack: list[ActiveRun] = []
_submitted: dict[str, ActiveRun] = {}
_here: ContextVar[ActiveRun | None] = ContextVar("_here", default=None)
"""The child run that this thread or task is in. It outlives neither the child nor the thread."""


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
    if (child := _here.get()) is not None:
        return child
    return _stack[-1] if _stack else submitted_run(open_world)


def submitted_run(open_world: Callable[[], World]) -> ActiveRun:
    """Return the run that a worker started this process for. Raises ``NoActiveRun``."""
    run_id = os.environ.get("MLOPS_RUN_ID")
    if not run_id:
        raise NoActiveRun
    if run_id not in _submitted:
        _submitted[run_id] = SubmittedRun(open_world(), RunId(run_id))
    return _submitted[run_id]


@contextmanager
def child_active(run: ActiveRun) -> Iterator[None]:
    """Make a child run the active one of this thread or task; one of the main thread also of threads without their own."""
    main = threading.current_thread() is threading.main_thread()
    outer = _here.get()
    _here.set(run)
    if main:
        activate(run)
    try:
        yield
    finally:
        _here.set(outer)
        if main:
            deactivate(run)


class SubmittedRun:
    """A run whose worker, in another process, ships the journal that this one appends to."""

    def __init__(self, world: World, run_id: RunId) -> None:
        self.world = world
        self.run_id = run_id
        self.journal = world.journals.append(run_id)
        self._counter = Counter()

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics, as ``Capture`` does."""
        self.journal.log(self._counter.points(values, step))

    def store(self, file: Path, folder: str = "", *, name: str | None = None) -> None:
        """Store a file or folder among the run's artifacts."""
        self.world.tracking.store(self.run_id, file, folder, name=name)

    def store_text(self, text: str | bytes, folder: str, name: str) -> None:
        """Store text or bytes as an artifact."""
        import tempfile

        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / name
            file.write_bytes(text.encode() if isinstance(text, str) else text)
            self.store(file, folder)
