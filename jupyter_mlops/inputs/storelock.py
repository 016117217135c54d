"""Keeps what is being written or read in the blob store from being collected meanwhile, by processes of this machine.

Whoever takes, reads or compares snapshots holds the lock together with others, from before it looks at what is stored
until what it wrote is referred to; a gc holds it alone. The kernel lets go of it when a process ends. Other machines do
not see it: for stores that they may share, ``gc`` waits a day between retiring a pack and deleting it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.ports import Say, World

P = ParamSpec("P")
R = TypeVar("R")

_NAME: Final = "blobs.lock"
_PAUSE_S: Final = 0.05
PATIENCE_S: Final = 60.0


class StoreBusy(Conflict):
    """Snapshots are being taken or read, one after the other, without a pause."""

    code = "store-busy"

    def __init__(self, root: Path) -> None:
        """Name the workspace."""
        super().__init__(
            f"Snapshots in {root} are being taken or read, so that nothing can be removed now.",
            hint="Try again when they are done: mlops snapshots gc",
        )


@contextlib.contextmanager
def using(root: Path) -> Iterator[None]:
    """Hold off any gc of this machine while snapshots are taken or read; waits for one that is at work."""
    with _opened(root) as fd:
        _lock(fd, fcntl.LOCK_SH)
        yield


def uses_store(function: Callable[Concatenate[World, P], R]) -> Callable[Concatenate[World, P], R]:
    """Make a verb hold the lock together with others while it works."""

    @functools.wraps(function)
    def held(world: World, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with using(world.root):
            return function(world, *args, **kwargs)

    return held


@contextlib.contextmanager
def alone(root: Path, say: Say | None = None, *, patience_s: float = PATIENCE_S) -> Iterator[bool]:
    """Wait until nobody uses the store, and keep others off. Yields ``False`` where the file system has no locks.

    Raises ``StoreBusy`` after ``patience_s``.
    """
    with _opened(root) as fd:
        deadline = time.monotonic() + patience_s
        told = False
        while (locked := _lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)) is False:
            if time.monotonic() > deadline:
                raise StoreBusy(root)
            if say is not None and not told:
                say("Waiting for a snapshot that is being taken or read", 0.0)
                told = True
            time.sleep(_PAUSE_S)
        yield bool(locked)


@contextlib.contextmanager
def _opened(root: Path) -> Iterator[int | None]:
    try:
        fd = os.open(root / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # a workspace that is read-only, or on a full disk: reading it goes on
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def _lock(fd: int | None, how: int) -> bool | None:
    """Lock; ``False`` when another has it, ``None`` where there are no locks."""
    if fd is None:
        return None
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}:
            return None
        raise
    return True
