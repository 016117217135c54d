"""The spool: what a run writes to its output streams, in files that another process can follow while it runs.

A file has what was written as soon as ``write`` returns. Its unfinished last line, and the rows just above it, change in
place while a progress bar moves. Above a limit, the middle of a stream is left out and a line in its place says how much.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.ports import Tracking
from jupyter_mlops.store.fold import Fold
from jupyter_mlops.store.mlflow_client import local_path

STREAMS: Final = ("stdout", "stderr")
FOLDER: Final = "logs"
"""Among a run's artifacts."""
LIMIT_BYTES: Final = 100_000_000
"""Of each stream, unless workspace.toml says otherwise: its first half and the newest quarter to half."""
UPLOAD_EVERY_S: Final = 5.0
UPLOAD_SHARE: Final = 10
"""An upload that took t seconds is followed by a pause of ten times as long."""
_PIECE: Final = 1 << 20
_LINE: Final = 1 << 16
"""How far a cut is moved to fall between two lines."""
_GAP: Final = "\n[... {:>19,} bytes of output were left out here ...]\n"
_GAP_BYTES: Final = len(_GAP.format(0))
_GAP_FOUND: Final = re.compile(rb"\n\[\.\.\. +([0-9,]+) bytes of output were left out here \.\.\.\]\n")


class Spool:
    """The streams of one run in this process: beside its artifacts where those are local, else uploaded as they grow.

    Raises ``OSError`` where its files cannot be made.
    """

    def __init__(
        self, folder: Path, run_id: RunId, tracking: Tracking, artifact_uri: str, *, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        artifacts = local_path(artifact_uri)
        self._folder = folder if artifacts is None else artifacts / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._streams = {name: _Stream(self._folder / f"{name}.txt", limit_bytes) for name in STREAMS}
        self._run_id = run_id
        self._tracking = tracking
        self._done = threading.Event()
        self._uploader: threading.Thread | None = None
        if artifacts is None:
            name = f"mlops-spool-{run_id[:8]}"
            self._uploader = threading.Thread(target=self._upload_on, name=name, daemon=True)
            self._uploader.start()

    def write(self, stream: str, text: str) -> None:
        """Append to ``stdout`` or ``stderr``; nothing happens after ``close``. Raises ``OSError``."""
        self._streams[stream].write(text)

    def close(self) -> None:
        """Take no more; a stream that nothing was written to leaves no file."""
        self._done.set()
        if self._uploader is not None:
            self._uploader.join()
        for stream in self._streams.values():
            stream.close()

    def _upload_on(self) -> None:
        pause_s = UPLOAD_EVERY_S
        uploaded = dict.fromkeys(STREAMS, 0)
        while not self._done.wait(pause_s):
            began = time.monotonic()
            for name, stream in self._streams.items():
                if stream.n_changes != uploaded[name]:
                    n_changes = stream.n_changes
                    with suppress(MlopsError, OSError):  # the file stays; the next round tries again
                        self._upload(name)
                        uploaded[name] = n_changes
            pause_s = max(UPLOAD_EVERY_S, UPLOAD_SHARE * (time.monotonic() - began))

    def _upload(self, name: str) -> None:
        """Upload a copy: a client that finds the file changed while it sends it gives up."""
        copies = self._folder / "uploading"
        copies.mkdir(exist_ok=True)
        copy = shutil.copyfile(self._folder / f"{name}.txt", copies / f"{name}.txt")
        try:
            self._tracking.store(self._run_id, copy, FOLDER)
        finally:
            copy.unlink(missing_ok=True)


def deliver_streams(folder: Path, run_id: RunId, tracking: Tracking) -> None:
    """Store the streams that lie in a journal's folder, for a remote artifact store."""
    for name in STREAMS:
        if (folder / f"{name}.txt").is_file():
            tracking.store(run_id, folder / f"{name}.txt", FOLDER)


class _Stream:
    """One stream's file. Safe to use from several threads, and from forked children."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self._path = path
        self._limit = limit_bytes
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._fold = Fold()
        self._size = os.fstat(self._file).st_size
        self._head, self._n_left_out = self._gap()
        self._closed = False
        self.n_changes = 0

    def write(self, text: str) -> None:
        if os.getpid() != self._pid:
            self._write_as_child(text)
            return
        with self._lock:
            if self._closed or not text:
                return
            self.n_changes += 1
            for start in range(0, len(text), _PIECE):
                self._write(text[start : start + _PIECE] if len(text) > _PIECE else text)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            size = os.fstat(self._file).st_size
            os.close(self._file)
            if not size:
                self._path.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        size = os.fstat(self._file).st_size
        if size != self._size:  # a forked child wrote, or a full disk cut us short
            self._size, self._fold = size, Fold()
        before = self._fold.live
        fresh, in_place = self._fold.feed(text)
        data = _encode(fresh)
        at = self._size - len(_encode(before)) if in_place else self._size
        n_written = 0
        while n_written < len(data):
            n_written += os.pwrite(self._file, data[n_written:] if n_written else data, at + n_written)
        if at + len(data) < self._size:
            os.ftruncate(self._file, at + len(data))
        self._size = at + len(data)
        if self._size > self._limit:
            self._leave_out()

    def _write_as_child(self, text: str) -> None:
        """Append, as a copy of this object in a forked process, whose idea of the file's end is not kept up to date."""
        with suppress(FileNotFoundError):
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            try:
                os.write(file, _encode(text))
            finally:
                os.close(file)

    def _leave_out(self) -> None:
        """Keep the first half of the limit and the newest quarter: moved within the file, so that no more room is needed."""
        if not self._n_left_out:
            block = os.pread(self._file, _LINE, max(0, self._limit // 2 - _LINE))
            self._head = self._limit // 2 - (len(block) - 1 - block.rfind(b"\n") if b"\n" in block else 0)
        old_tail = self._head + (_GAP_BYTES if self._n_left_out else 0)
        source = self._size - self._limit // 4
        source += os.pread(self._file, _LINE, source).find(b"\n") + 1
        self._n_left_out += source - old_tail
        os.pwrite(self._file, _GAP.format(self._n_left_out).encode(), self._head)
        target = self._head + _GAP_BYTES
        while piece := os.pread(self._file, _PIECE, source):
            os.pwrite(self._file, piece, target)
            source, target = source + len(piece), target + len(piece)
        os.ftruncate(self._file, target)
        self._size = target

    def _gap(self) -> tuple[int, int]:
        """Return where the gap of an existing file is and how many bytes it stands for; zeros if there is none."""
        start = max(0, self._limit // 2 - _LINE)
        found = _GAP_FOUND.search(os.pread(self._file, _LINE + _GAP_BYTES, start))
        return (start + found.start(), int(found[1].replace(b",", b""))) if found else (0, 0)


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")  # half of a surrogate pair, which no UTF-8 can hold
