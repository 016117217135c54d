"""MLflow's own web UI on a workspace's store, as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self
from urllib.request import urlopen

from jupyter_mlops.core.errors import Conflict, Failed

HOST: Final = "127.0.0.1"
FIRST_PORT: Final = 5000
"""MLflow's own default; the next free one is taken where it is not free."""
START_S: Final = 60.0
STOP_S: Final = 5.0
_TAIL: Final = 300
BOUND: Final = (
    "exec 3<&0; (cat <&3 >/dev/null; trap '' TERM; kill -TERM 0; sleep 5; kill -KILL 0) & exec \"$@\" 3<&- </dev/null"
)
"""Runs a command, and stops its process group when standard input ends: when whoever holds the other end has, too."""


class UiPortTaken(Conflict):
    """Something else listens where the web UI was to be."""

    code = "port-taken"

    def __init__(self, port: int) -> None:
        super().__init__(
            f"Port {port} is taken by another program.", hint="Leave `--port` out, and a free one is found."
        )


class UiFailed(Failed):
    """MLflow's server does not come up."""

    code = "ui-failed"


class MlflowUi:
    """MLflow's server on loopback: one worker, no job runner. It ends with ``close``, or with this process, also a killed one."""

    def __init__(self, tracking_uri: str, registry_uri: str, log: Path, port: int | None = None) -> None:
        """Start it; ``wait_ready`` tells when it answers. Raises ``UiPortTaken``."""
        self.port = _free_port(port)
        self.url = f"http://{HOST}:{self.port}"
        self._log = log
        argv = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self.port), "--workers", "1"]
        # Artifacts are read where the runs say they are, so nothing needs to be served from a root of its own.
        argv += ["--backend-store-uri", tracking_uri, "--registry-store-uri", registry_uri, "--no-serve-artifacts"]
        argv += ["--default-artifact-root", str(log.parent / "artifacts")]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", BOUND, "sh", *argv],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # MLflow starts processes of its own, which are to end with it
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def wait_ready(self, say: Callable[[str], None]) -> None:
        """Wait until it answers. Raises ``UiFailed`` with its last words, having stopped it."""
        began = time.monotonic()
        while time.monotonic() - began < START_S:
            if self._process.poll() is not None:
                break
            with suppress(OSError), urlopen(f"{self.url}/health", timeout=2):  # noqa: S310  # our own address
                if self._listens():
                    return
            say(f"Starting MLflow's web UI: {time.monotonic() - began:.0f} s")
            time.sleep(0.2)
        self.close()
        words = self._log.read_text("utf-8", "replace").strip()[-_TAIL:]
        raise UiFailed(
            f"MLflow's web UI does not start: {' '.join(words.split()) or 'it says nothing'}",
            hint=f"All it said is in {self._log}.",
        )

    def _listens(self) -> bool:
        """Tell whether what answers is it: another may have taken the port while it was starting."""
        import psutil

        with suppress(psutil.Error):
            root = psutil.Process(self._process.pid)
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.Error):
                    if any(
                        one.status == psutil.CONN_LISTEN and one.laddr.port == self.port
                        for one in process.net_connections("tcp4")
                    ):
                        return True
        return False

    def wait(self) -> int:
        """Wait until it ends; return its exit code."""
        return self._process.wait()

    def close(self) -> None:
        """Stop it and all that it has started. Idempotent."""
        assert self._process.stdin is not None  # it is a pipe
        self._process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
                break
        with suppress(ProcessLookupError):  # a child of it that did not listen
            os.killpg(self._process.pid, signal.SIGKILL)


def _free_port(wanted: int | None) -> int:
    if wanted is not None:
        if not _is_free(wanted):
            raise UiPortTaken(wanted)
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        if _is_free(port):
            return port
    raise UiPortTaken(FIRST_PORT)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
