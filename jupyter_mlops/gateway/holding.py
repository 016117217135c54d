"""Starts a service's activator, finds it again and ends it."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Final

from jupyter_mlops.core.detached import end, start_detached
from jupyter_mlops.core.errors import Failed
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.process import ProcessId, is_alive
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.gateway.config import Sockets

STATE: Final = "activator.json"
LOG: Final = "activator.log"
HELD: Final = "held.json"
"""What the activator holds, by deployment; there is no file while it holds nothing."""
START_S: Final = 20.0


class NoActivator(Failed):
    """The process that holds requests does not start."""

    code = "activator-failed"


def process_of(folder: Path) -> ProcessId | None:
    """Return the activator's process, running or not."""
    try:
        return decode((folder / STATE).read_bytes(), ProcessId)
    except FileNotFoundError:
        return None


def is_held(folder: Path) -> bool:
    """Tell whether the activator whose file is in a gateway's folder runs."""
    process = process_of(folder)
    return process is not None and is_alive(process)


def held(folder: Path) -> dict[str, int]:
    """Return how many requests wait for a replica, by deployment."""
    try:
        return decode((folder / HELD).read_bytes(), dict[str, int]) if is_held(folder) else {}
    except FileNotFoundError:
        return {}


def hold(folder: Path, sockets: Sockets, workspace: Path, service: str) -> None:
    """See that the activator runs and listens. Idempotent. Raises ``NoActivator``."""
    if is_held(folder):
        return
    argv = [sys.executable, "-P", "-m", "jupyter_mlops.gateway.activator", "--workspace", str(workspace)]
    argv += ["--service", service, "--listen", sockets.activator, "--admin", sockets.admin, "--back", sockets.back]
    Path(sockets.activator).unlink(missing_ok=True)
    (folder / HELD).unlink(missing_ok=True)
    (folder / LOG).unlink(missing_ok=True)
    process = start_detached(argv, log=folder / LOG, env=os.environ, cwd=workspace)
    ends = time.monotonic() + START_S
    while not _listens(sockets.activator):
        if process is None or not is_alive(process) or time.monotonic() > ends:
            raise NoActivator(
                f"What holds the requests of service {service!r} does not start.", hint=f"Read {folder / LOG}."
            )
        time.sleep(0.01)
    assert process is not None  # something listens
    replace_file(folder / STATE, encode(process))


def let_go(folder: Path, sockets: Sockets) -> None:
    """End the activator; requests that it holds are answered with 503. Idempotent."""
    process = process_of(folder)
    if process is not None:
        end(process, grace_s=2.0)
    for name in (STATE, HELD):
        (folder / name).unlink(missing_ok=True)
    Path(sockets.activator).unlink(missing_ok=True)


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0
