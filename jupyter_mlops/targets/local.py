"""The local target: a job is a process of its own on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Final

from jupyter_mlops.core.errors import Failed
from jupyter_mlops.core.process import ProcessId, is_alive, process_id
from jupyter_mlops.ports import Handle, Job

GRACE_S: Final = 12.0


class LocalTarget:
    """``ports.Target``: each job is a session of its own, so that it outlives the face that started it."""

    def submit(self, job: Job) -> Handle:
        """Start the job's command."""
        try:
            process = subprocess.Popen(
                job.argv,
                cwd=job.folder,
                env={**os.environ, **job.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise Failed(f"The job could not be started: {error.strerror}.", hint="See `mlops status`.") from error
        _adopt(process)
        identity = process_id(process.pid)
        if identity is None:
            return Handle(target="local", pid=process.pid)
        return Handle(target="local", pid=identity.pid, pid_started=identity.started, boot_id=identity.boot_id)

    def alive(self, handle: Handle) -> bool:
        """Tell whether that very process still runs."""
        return is_alive(ProcessId(pid=handle.pid, started=handle.pid_started, boot_id=handle.boot_id))

    def cancel(self, handle: Handle) -> None:
        """Ask it to stop with SIGTERM, end it and what it started after a grace period. Idempotent."""
        if not self.alive(handle):
            return
        os.kill(handle.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while self.alive(handle) and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.alive(handle):
            os.killpg(handle.pid, signal.SIGKILL)


def _adopt(process: subprocess.Popen[bytes]) -> None:
    """Reap the job when it ends, however long this process lives, so that it does not stay as a zombie."""
    import threading

    threading.Thread(target=process.wait, name=f"mlops-job-{process.pid}", daemon=True).start()
