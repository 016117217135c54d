"""The journal: what a run logs goes to a file first, so that nothing is lost, and from there to MLflow."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Final

from jupyter_mlops.core.errors import BadInput, MlopsError, Unavailable
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.run import MetricPoint, RunStatus
from jupyter_mlops.ports import Tracking
from jupyter_mlops.store.databases import translate
from jupyter_mlops.store.lane import Lane
from jupyter_mlops.store.mlflow_client import DeletedRun
from jupyter_mlops.store.shipping import GONE, End, Shipper
from jupyter_mlops.store.spool import LIMIT_BYTES, Spool

log = logging.getLogger(__name__)

SHIP_EVERY_S: Final = 0.25
PATIENCE_S: Final = 20.0
"""How long the end of a run waits for a store that takes nothing; what is left is shipped by the thread, or later."""


class RunJournal:
    """One run's journal in this process: appends at once, ships in a thread.

    Each process that logs to the run has a ``Lane`` in the journal's folder; this one ships them all. Shipping the same
    points twice is harmless: MLflow's key makes equal points one. The folder is locked as long as its process lives, so
    that nobody ships for a living run.
    """

    def __init__(
        self, folder: Path, run_id: RunId, tracking: Tracking, artifact_uri: str, *, log_bytes: int = LIMIT_BYTES
    ) -> None:
        self._folder = folder
        self._lane = Lane(folder)
        self._shipper = Shipper(folder, run_id, tracking)
        try:
            self._owner = _own(folder)
            End.keep_room(folder)
            self._spool = Spool(folder, run_id, tracking, artifact_uri, limit_bytes=log_bytes)
        except OSError as error:
            raise translate(error, f"The journal {folder}") from error
        self._wake = threading.Event()
        self._done = False
        self._deliver = False
        self.trouble: MlopsError | None = None
        """Why shipping does not get on, while it does not."""
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=f"mlops-journal-{run_id[:8]}", daemon=True)
        self._thread.start()
        _OPEN.add(self)

    def log(self, points: Sequence[MetricPoint]) -> None:
        """Append metrics. They are safe from a killed process when this returns. Raises ``DiskFull``."""
        self._lane.log(points)

    def flush(self) -> bool:
        """Ship now; wait until MLflow has what this process logged, some seconds at most. Tell whether it has."""
        if self._lane.pending():
            self._wake.set()
        return self._lane.flush()

    def write(self, stream: str, text: str) -> None:
        """Append to ``stdout`` or ``stderr``."""
        self._spool.write(stream, text)

    def close(self, status: RunStatus, reason: str, ended_at: float) -> None:
        """Ship what is left, end the run and remove the journal.

        Raises ``Unavailable`` if MLflow does not answer; then the journal keeps everything, the end included.
        """
        self._spool.close()
        try:
            End(status=status, reason=reason, ended_at=ended_at).keep(self._folder)
            self._deliver = True
        except OSError as error:
            raise translate(error, f"The journal {self._folder}") from error
        finally:
            self._done = True
            self._wake.set()
        began = time.monotonic()
        while self._thread.is_alive() and time.monotonic() - max(began, self._shipper.moved_at) < PATIENCE_S:
            self._thread.join(1.0)
        if self._thread.is_alive():
            raise Unavailable(
                f"The tracking store did not take the end of the run within {PATIENCE_S:.0f} s.",
                hint="What was logged is kept and is shipped when it answers; `mlops status` shows each part.",
            )
        if isinstance(self._failure, OSError):
            raise translate(self._failure, f"The journal {self._folder}") from self._failure
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            while not self._done:
                if self._wake.wait(SHIP_EVERY_S):
                    self._wake.clear()
                self._ship()
            if self._deliver:
                self._shipper.deliver()
        except Exception as error:  # noqa: BLE001  # `close` raises it, in the thread that can do something about it
            self._failure = error
        finally:
            self._shipper.close()
            self._lane.close()
            self._owner.close()

    def _ship(self) -> None:
        if self._done:
            return  # delivering ships as well
        try:
            self._shipper.ship()
            self.trouble = None
        except MlopsError as error:
            self.trouble = error  # the points stay; the next round tries again
        except Exception:  # the same for what nobody foresaw: a thread that ended would ship nothing any more
            log.exception("The journal %s could not be shipped.", self._folder)

    def after_fork(self) -> None:
        """Leave the lock to the parent: a child that outlives it must not make it look alive."""
        self._owner.close()


_OPEN: Final[weakref.WeakSet[RunJournal]] = weakref.WeakSet()


def _leave_journals() -> None:
    for journal in list(_OPEN):
        journal.after_fork()


os.register_at_fork(after_in_child=_leave_journals)


class Journals:
    """The journals of a workspace."""

    def __init__(self, folder: Path, tracking: Tracking, *, log_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._tracking = tracking
        self._log_bytes = log_bytes

    def open(self, run_id: RunId, artifact_uri: str) -> RunJournal:
        """Begin or go on with a run's journal in this process."""
        return RunJournal(self._folder / run_id, run_id, self._tracking, artifact_uri, log_bytes=self._log_bytes)

    def append(self, run_id: RunId) -> Lane:
        """Return what appends metrics to a journal that another process has open and ships."""
        return Lane(self._folder / run_id)

    def ship_leftovers(self) -> list[RunId]:
        """Ship what dead processes left behind; return their runs. Raises ``Unavailable`` if MLflow does not answer."""
        shipped = []
        for folder in sorted(self._folder.glob("*")) if self._folder.is_dir() else []:
            owner = _claim(folder)
            if owner is None:
                continue
            run_id = RunId(folder.name.partition(".")[0])
            with owner, closing(Shipper(folder, run_id, self._tracking)) as shipper:
                try:
                    if folder.suffix == GONE:  # whoever had shipped it was killed before it was removed
                        shipper.discard()
                    else:
                        shipper.deliver()
                        shipped.append(run_id)
                except (BadInput, DeletedRun) as error:  # it takes nothing until it is restored; others need not wait
                    log.info("run %s: %s", run_id, error)
                except OSError as error:
                    raise translate(error, f"The journal {folder}") from error
        return shipped


def _own(folder: Path) -> IO[str]:
    """Make a journal's folder and lock it; again, if a shipper of leftovers took the new folder for one of them."""
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            owner = (folder / "owner").open("a")
        except FileNotFoundError:
            continue  # taken away between the two lines
        fcntl.flock(owner, fcntl.LOCK_EX)
        if _is_in_place(owner, folder):
            return owner
        owner.close()


def _claim(folder: Path) -> IO[str] | None:
    """Lock the journal of a dead process; ``None`` if its process lives or somebody else has shipped it."""
    try:
        owner = (folder / "owner").open("a")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner.close()
        return None
    if _is_in_place(owner, folder):
        return owner
    owner.close()
    return None


def _is_in_place(owner: IO[str], folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(owner.fileno()), (folder / "owner").stat())
    except FileNotFoundError:
        return False
