"""The direct way to a container on this machine: a UNIX socket in a folder that it and we see.

Docker's proxy goes on taking connections on a published port for a moment after the container was killed, and what is sent
on them is lost. A socket of a replica that is gone refuses, so the gateway asks another one. It is faster too, stays where
it is when the container starts again, and can never lead to another container.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from jupyter_mlops.core.files import make_private
from jupyter_mlops.core.ids import ReplicaId
from jupyter_mlops.hosts.engine import Engine
from jupyter_mlops.hosts.image import USER
from jupyter_mlops.hosts.process import LONGEST_SOCKET

SOCKETS: Final = "/run/mlops/sockets"
"""Where a container sees the folder."""
NAME: Final = "s"
VARIABLE: Final = "MLOPS_SOCKET"
"""Tells a replica to listen on a socket beside its port. A scoring server of an older image does not look at it."""
SETTLE_S: Final = 20.0
LOOK_S: Final = 0.02
ASK_S: Final = 1.0


class Direct:
    """Sockets of containers: each has a folder to make one in, and we keep a hard link to what it made.

    The link, not the folder, is what is connected to, since a container could put a symbolic link to another socket of this
    machine there. Where there is a link's name, that is the container's address, whatever is behind it.
    """

    def __init__(self, runtime: Path, engine: Engine) -> None:
        self._runtime = runtime
        self._engine = engine
        self._shared: bool | None = None
        self._reaches: dict[str, bool] = {}
        """By image, whether its containers were met on their sockets."""

    def offer(self, replica: ReplicaId, image: str) -> Path | None:
        """Return the folder that a new container is to see; ``None`` where that would be of no use."""
        too_long = len(str(self._link(replica))) > LONGEST_SOCKET
        if too_long or not self._reaches.get(image, True) or not self._is_shared():
            return None
        folder = make_private(self._folder(replica))
        if os.geteuid() == 0:  # as which no container of ours runs
            os.chown(folder, *map(int, USER.split(":")))
        if image in self._reaches:
            self._link(replica).touch(mode=0o600)
        return folder

    def settle(self, replica: ReplicaId, image: str, port: int, runs: Callable[[], bool]) -> None:
        """Find out, with the first container of an image, whether it is met on its socket; else its port is its address."""
        ends = time.monotonic() + SETTLE_S
        while image not in self._reaches and self._folder(replica).is_dir() and time.monotonic() < ends and runs():
            answers = _answers(port)  # which it does after it made its socket
            if self._is_met(replica):
                self._reaches[image] = True
            elif answers:
                self._reaches[image] = False
            else:
                time.sleep(LOOK_S)

    def address(self, replica: ReplicaId) -> str:
        """Return ``unix:PATH``; empty for a container that is met on its port."""
        link = self._link(replica)
        if not os.path.lexists(link):
            return ""
        if _inode(self._folder(replica) / NAME) not in {"", _inode(link)}:
            self._hold(replica)
        return f"unix:{link}"

    def life(self, replica: ReplicaId) -> str:
        """Return what is another with each start of the container."""
        return _inode(self._link(replica))

    def forget(self, replica: ReplicaId) -> None:
        """Remove what there is for a container. Idempotent."""
        shutil.rmtree(self._folder(replica), ignore_errors=True)
        self._link(replica).unlink(missing_ok=True)

    def _is_met(self, replica: ReplicaId) -> bool:
        """Tell whether something listens on its socket; if so, that is its address from now on."""
        if not self._hold(replica):
            return False
        with socket.socket(socket.AF_UNIX) as knocker:
            knocker.settimeout(ASK_S)
            met = knocker.connect_ex(str(self._link(replica))) == 0
        if not met:
            self._link(replica).unlink()
        return met

    def _hold(self, replica: ReplicaId) -> bool:
        """Link to the socket that it made last; tell whether there is one."""
        fresh = self._runtime / f"{replica}.new"
        try:
            os.link(self._folder(replica) / NAME, fresh, follow_symlinks=False)
            if _inode(fresh):
                fresh.replace(self._link(replica))
                return True
        except OSError:  # none yet
            pass
        fresh.unlink(missing_ok=True)
        return False

    def _is_shared(self) -> bool:
        """Tell whether the engine's containers run on this very system, and not in a virtual machine beside it."""
        if self._shared is None:
            with self._engine.asked_to("tell about its machine") as client:
                found = client.info()
            desktop = "desktop" in str(found.get("OperatingSystem", "")).lower()
            same = found.get("KernelVersion") == os.uname().release
            self._shared = sys.platform == "linux" and same and not desktop
        return self._shared

    def _folder(self, replica: ReplicaId) -> Path:
        return self._runtime / f"{replica}.d"

    def _link(self, replica: ReplicaId) -> Path:
        return self._runtime / f"{replica}.c"


def _inode(path: Path) -> str:
    """Return what tells a socket from the next one of the same name; empty for anything else, and a link to one."""
    try:
        found = path.lstat()
    except OSError:
        return ""
    return f"{found.st_ino}.{found.st_mtime_ns}" if stat.S_ISSOCK(found.st_mode) else ""


def _answers(port: int) -> bool:
    """Tell whether a replica answers on a published port; that it takes connections says nothing there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ASK_S)
    try:
        connection.request("GET", "/health/live")
        return bool(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
