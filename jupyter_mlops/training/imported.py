"""Acting on a module at the moment in which somebody imports it, without importing it first."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def when_imported(
    name: str, then: Callable[[], None], *, first: Callable[[], None] = lambda: None
) -> Callable[[], None]:
    """Call ``then`` right after a module is imported for the first time, or now if it is there already.

    ``first`` is called when its import begins. Returns what gives up waiting for it.
    """
    if name in sys.modules:
        then()
        return lambda: None
    watcher = _Watcher(name, first, then)
    sys.meta_path.insert(0, watcher)
    return watcher.stop


class _Watcher(MetaPathFinder):
    """Finds one module as everybody else does, and hooks its execution."""

    def __init__(self, name: str, first: Callable[[], None], then: Callable[[], None]) -> None:
        self._name = name
        self._first = first
        self._then = then

    def stop(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path, target
        if fullname != self._name:
            return None
        self.stop()
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                self._first()
                execute(module)
                self._then()

            loader.exec_module = exec_module
        return spec
