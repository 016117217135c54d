"""The spool: what a run writes to its output streams, in files that another process can follow while it runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.ports import Tracking
from jupyter_mlops.store.mlflow_client import local_path

STREAMS: Final = ("stdout", "stderr")
UPLOAD_EVERY_S: Final = 5.0
FOLDER: Final = "logs"
"""Among a run's artifacts."""


class Spool:
    """The streams of one run in this process: beside its artifacts where those are local, else uploaded as they grow.

    Raises ``OSError`` where its files cannot be made.
    """

    def __init__(self, folder: Path, run_id: RunId, tracking: Tracking, artifact_uri: str) -> None:
        artifacts = local_path(artifact_uri)
        self._folder = folder if artifacts is None else artifacts / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remote = artifacts is None
        self._run_id = run_id
        self._tracking = tracking
        self._files = {name: (self._folder / f"{name}.txt").open("ab", buffering=0) for name in STREAMS}
        self._written = dict.fromkeys(STREAMS, 0)
        self._uploaded = dict.fromkeys(STREAMS, 0)
        self._uploaded_at = time.monotonic()
        self._lock = threading.Lock()

    def write(self, stream: str, text: str) -> None:
        """Append to ``stdout`` or ``stderr``."""
        data = text.encode("utf-8", "surrogateescape")
        with self._lock:
            self._files[stream].write(data)
            self._written[stream] += len(data)

    def upload(self) -> None:
        """Store what a remote artifact store lacks, every few seconds. Raises what ``Tracking.store`` does."""
        if not self._remote or time.monotonic() - self._uploaded_at < UPLOAD_EVERY_S:
            return
        self._uploaded_at = time.monotonic()
        for name in STREAMS:
            if self._written[name] != self._uploaded[name]:
                size = self._written[name]
                self._tracking.store(self._run_id, self._folder / f"{name}.txt", FOLDER)
                self._uploaded[name] = size

    def close(self) -> None:
        """Take no more; a stream that nothing was written to leaves no file."""
        for file in self._files.values():
            file.close()
        for name, n_bytes in self._written.items():
            if not n_bytes:
                (self._folder / f"{name}.txt").unlink(missing_ok=True)


def deliver_streams(folder: Path, run_id: RunId, tracking: Tracking) -> None:
    """Store the streams that lie in a journal's folder, for a remote artifact store."""
    for name in STREAMS:
        if (folder / f"{name}.txt").is_file():
            tracking.store(run_id, folder / f"{name}.txt", FOLDER)
