"""The journal: what a run logs goes to a file first, so that nothing is lost, and from there to MLflow."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec

from jupyter_mlops.core.errors import MlopsError, UnknownThing
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.run import MetricPoint, RunStatus
from jupyter_mlops.ports import Tracking
from jupyter_mlops.store.databases import DiskFull, translate
from jupyter_mlops.store.spool import Spool, deliver_streams

SHIP_EVERY_S: Final = 0.25
_CHUNK: Final = 1 << 20
_POINTS: Final = msgspec.json.Decoder(list[MetricPoint])
GONE: Final = ".gone"
ROOM_BYTES: Final = 4096
"""Kept from the beginning, and given back for the end: a disk that fills up meanwhile must not lose how a run ended."""


class RunJournal:
    """One run's journal in this process: appends at once, ships in a thread.

    ``metrics.jsonl`` holds one JSON array of points a line; ``shipped`` says how many of its bytes MLflow has.
    Shipping the same points twice is harmless: MLflow's key makes equal points one. The folder is locked as long
    as its process lives, so that nobody ships for a living run.
    """

    def __init__(self, folder: Path, run_id: RunId, tracking: Tracking, artifact_uri: str) -> None:
        self._folder = folder
        self._run_id = run_id
        self._tracking = tracking
        try:
            self._owner = _own(folder)
            (folder / "room").write_bytes(bytes(ROOM_BYTES))
            self._metrics = (folder / "metrics.jsonl").open("ab", buffering=0)
            self._torn = False
            self._spool = Spool(folder, run_id, tracking, artifact_uri)
        except OSError as error:
            raise translate(error, f"The journal {folder}") from error
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._done = False
        self.trouble: MlopsError | None = None
        """Why shipping does not get on, while it does not."""
        self._thread = threading.Thread(target=self._ship_on, name=f"mlops-journal-{run_id[:8]}", daemon=True)
        self._thread.start()

    def log(self, points: Sequence[MetricPoint]) -> None:
        """Append metrics. They are safe from a killed process when this returns. Raises ``DiskFull``."""
        line = encode(points) + b"\n"
        with self._lock:
            line = b"\n" + line if self._torn else line
            self._torn = True
            try:
                whole = self._metrics.write(line) == len(line)
            except OSError as error:
                raise translate(error, f"The journal {self._folder}") from error
            if not whole:
                raise DiskFull(f"The journal {self._folder}")
            self._torn = False

    def write(self, stream: str, text: str) -> None:
        """Append to ``stdout`` or ``stderr``."""
        self._spool.write(stream, text)

    def close(self, status: RunStatus, reason: str, ended_at: float) -> None:
        """Ship what is left, end the run and remove the journal.

        Raises ``Unavailable`` if MLflow does not answer; then the journal keeps everything, the end included.
        """
        self._done = True
        self._wake.set()
        self._thread.join()
        self._spool.close()
        self._metrics.close()
        end = _End(status=status, reason=reason, ended_at=ended_at)
        try:
            (self._folder / "room").unlink(missing_ok=True)
            draft = self._folder / "end.json.new"
            draft.write_bytes(encode(end))
            draft.replace(self._folder / "end.json")
            _deliver(self._folder, self._run_id, self._tracking)
        except OSError as error:
            raise translate(error, f"The journal {self._folder}") from error
        finally:
            self._owner.close()

    def _ship_on(self) -> None:
        while not self._done:
            self._wake.wait(SHIP_EVERY_S)
            try:
                ship(self._folder, self._run_id, self._tracking)
                self._spool.upload()
                self.trouble = None
            except MlopsError as error:
                self.trouble = error  # the lines stay; the next round tries again


class Journals:
    """The journals of a workspace."""

    def __init__(self, folder: Path, tracking: Tracking) -> None:
        self._folder = folder
        self._tracking = tracking

    def open(self, run_id: RunId, artifact_uri: str) -> RunJournal:
        """Begin or go on with a run's journal in this process."""
        return RunJournal(self._folder / run_id, run_id, self._tracking, artifact_uri)

    def append(self, run_id: RunId) -> Callable[[Sequence[MetricPoint]], None]:
        """Return what appends metrics to a journal that another process has open and ships."""
        folder = self._folder / run_id
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # As long as the process lives: a descriptor, not a file, so that nothing complains at its end.
            descriptor = os.open(folder / "metrics.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise translate(error, f"The journal {folder}") from error

        def append(points: Sequence[MetricPoint]) -> None:
            os.write(
                descriptor, encode(points) + b"\n"
            )  # one write with O_APPEND, so lines of two processes do not mix

        return append

    def ship_leftovers(self) -> list[RunId]:
        """Ship what dead processes left behind; return their runs. Raises ``Unavailable`` if MLflow does not answer."""
        shipped = []
        for folder in sorted(self._folder.glob("*")) if self._folder.is_dir() else []:
            if folder.suffix == GONE:
                shutil.rmtree(folder, ignore_errors=True)  # who shipped it was killed before it had removed it
                continue
            owner = _claim(folder)
            if owner is not None:
                with owner:
                    run_id = RunId(folder.name)
                    _deliver(folder, run_id, self._tracking)
                    shipped.append(run_id)
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
    except FileNotFoundError:
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


class _End(Record, frozen=True, kw_only=True):
    """How a run ended, kept until MLflow knows it."""

    status: RunStatus
    reason: str
    ended_at: float


def _deliver(folder: Path, run_id: RunId, tracking: Tracking) -> None:
    """Ship metrics, streams and the end, whatever of them is here, and remove the folder."""
    try:
        ship(folder, run_id, tracking)
        deliver_streams(folder, run_id, tracking)
        if (folder / "end.json").is_file():
            with suppress(
                msgspec.DecodeError
            ):  # cut short by a full disk: the reaper ends it as one whose process died
                end = decode((folder / "end.json").read_bytes(), _End)
                tracking.end_run(run_id, end.status, reason=end.reason, ended_at=end.ended_at)
    except UnknownThing:
        pass  # the run was deleted, so nobody wants its metrics
    gone = folder.with_suffix(GONE)
    folder.rename(gone)  # at once: whoever opens a journal of that name gets a new folder, not a half-removed one
    shutil.rmtree(gone, ignore_errors=True)


def _points(line: bytes) -> list[MetricPoint]:
    """Return a line's points; none of one that a full disk cut short, whose ``log`` said so."""
    try:
        return _POINTS.decode(line)
    except msgspec.DecodeError:
        return []


def ship(folder: Path, run_id: RunId, tracking: Tracking) -> None:
    """Send the lines of ``metrics.jsonl`` that MLflow does not have yet."""
    path, mark = folder / "metrics.jsonl", folder / "shipped"
    try:
        start = int(mark.read_text()) if mark.exists() else 0
        while path.exists() and path.stat().st_size > start:
            with path.open("rb") as file:
                file.seek(start)
                chunk = file.read(_CHUNK)
                if not chunk.endswith(b"\n"):
                    chunk += file.readline()
            whole = chunk[: chunk.rfind(b"\n") + 1]  # a line that a killed process left unfinished was never promised
            if not whole:
                return
            tracking.log(run_id, metrics=[point for line in whole.splitlines() for point in _points(line)])
            start += len(whole)
            fresh = mark.with_suffix(".new")
            fresh.write_text(str(start))
            fresh.replace(mark)
    except OSError as error:
        raise translate(error, f"The journal {folder}") from error
