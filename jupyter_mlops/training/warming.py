"""What a first run needs, imported in a thread between cells, so that the run does not wait for it."""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final

_MOST_S: Final = 60.0


class Warming:
    """Imports modules once the cell that loads the extension has run; then calls ``then``.

    Two threads that import parts of one package at once may each get half of the other's (CPython waits for a module,
    not for the package it is in), and ``from mlflow.tracking import ...`` of a cell would fail with a circular import.
    So nothing is imported beside a cell's own imports: a cell that imports waits until the thread is through.
    """

    def __init__(self, modules: Sequence[str], then: Callable[[], None]) -> None:
        self._modules = modules
        self._then = then
        self._imported = threading.Event()
        self._thread: threading.Thread | None = None

    def post_run_cell(self, result: Any) -> None:
        """Begin, after the first cell (IPython's event)."""
        del result
        if self._thread is None:
            self._thread = threading.Thread(target=self._warm, name="mlops-warm", daemon=True)
            self._thread.start()

    def pre_run_cell(self, info: Any) -> None:
        """Let a cell that may import something wait (IPython's event)."""
        source = str(info.raw_cell)
        if self._thread is not None and ("import" in source or "%" in source):
            self._imported.wait(_MOST_S)

    def _warm(self) -> None:
        # In a kernel without ipywidgets, MLflow's import of tqdm would warn about a progress bar that nobody asked for.
        warnings.filterwarnings("ignore", message="IProgress not found")
        try:
            for name in self._modules:
                importlib.import_module(name)
        finally:
            self._imported.set()
        self._then()
