"""The place a server serves: its root folder, and the workspace that counts for it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlops.core.errors import BadInput, NotFound

if TYPE_CHECKING:
    from jupyter_mlops.workspace import Workspace

VARIABLE = "MLOPS_WORKSPACE"
_HINT = "Name files as JupyterLab's file browser does, relative to its top."


class OutsideRoot(BadInput):
    """A path leads out of the server's folder."""

    code = "outside-root"

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} is not below the folder that this server serves.", hint=_HINT)


class NoFile(NotFound):
    """A path of the server's folder at which there is nothing."""

    code = "file-not-found"

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no {path!r} below the folder that this server serves.", hint=_HINT)


class Place:
    """The server's root folder and its workspace, opened once for all requests.

    Safe to use from any thread. Everything may block, and the first use imports what a workspace needs.
    """

    def __init__(self, root: Path, base_url: str = "/") -> None:
        self.root = root.resolve()
        self.base_url = base_url
        named = os.environ.get(VARIABLE)
        self.home = _home(Path(named)) if named else self.root
        """The folder in which a workspace is made where there is none."""
        self._announced = ""
        self._opened: dict[tuple[str, int, int], Workspace] = {}
        self._lock = threading.RLock()

    def workspace(self) -> Workspace | None:
        """Return the workspace that ``MLOPS_WORKSPACE`` names, else the nearest one from the root upward, if there is one."""
        from jupyter_mlops.workspace import Workspace, find_workspace

        with self._lock:
            root = find_workspace(self.root)
            if root is None:
                return None
            key = _state(root)
            if key not in self._opened:
                workspace = Workspace.open(root)
                # Opening a workspace that moved writes to it. Another state (settings edited, made anew) is opened anew; requests
                # may still use the former, which stays open until the server stops.
                key = _state(root)
                self._opened[key] = workspace
                self._announce(workspace)
            return self._opened[key]

    def make(self) -> Workspace:
        """Return the workspace; where there is none, make it, in the root folder unless ``MLOPS_WORKSPACE`` names another."""
        with self._lock:
            found = self.workspace()
            if found is not None:
                return found
            from jupyter_mlops.workspace import Workspace

            made = Workspace.open(self.home, create=True)
            self._opened[_state(made.root)] = made
            self._announce(made)
            return made

    def below(self, path: str) -> Path:
        """Return a path of the file browser as one of the file system. Raises ``OutsideRoot`` (for links that lead out, too) and ``NoFile``."""
        try:
            full = (self.root / path.lstrip("/")).resolve()
            if not full.is_relative_to(self.root):
                raise OutsideRoot(path)
            exists = full.exists()
        except (OSError, ValueError, RuntimeError) as error:  # too long, a null byte, links in a circle
            raise NoFile(path) from error
        if not exists:
            raise NoFile(path)
        return full

    def close(self) -> None:
        """Close what was opened, and take back what kernels were told."""
        with self._lock:
            for workspace in self._opened.values():
                workspace.close()
            self._opened.clear()
            if self._announced and os.environ.get(VARIABLE) == self._announced:
                del os.environ[VARIABLE]

    def _announce(self, workspace: Workspace) -> None:
        """Tell the kernels and terminals that start from now on which workspace it is: they start in the notebook's folder."""
        if os.environ.get(VARIABLE, self._announced) == self._announced:
            self._announced = os.environ[VARIABLE] = str(workspace.home)


def _home(path: Path) -> Path:
    path = path.resolve()
    return path.parent if path.name == ".mlops" else path


def _state(root: Path) -> tuple[str, int, int]:
    """Return what changes when a workspace is made anew or its settings are edited."""
    stat = (root / "workspace.toml").stat()
    return str(root), stat.st_ino, stat.st_mtime_ns
