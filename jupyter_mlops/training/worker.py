"""The worker: executes one submitted run from its restored snapshot and ends it, whatever happens."""

from __future__ import annotations

import codecs
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Final

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.process import process_id
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.inputs.environments import packages_of
from jupyter_mlops.inputs.snapshots import restore_snapshot
from jupyter_mlops.ports import Fit, World
from jupyter_mlops.training.capture import Capture, Plan, attach
from jupyter_mlops.training.gone import memory_evidence
from jupyter_mlops.training.heartbeat import signs_of
from jupyter_mlops.training.replay import REPRODUCES, SESSION
from jupyter_mlops.training.session import ENVIRONMENT, REPRODUCES_TAG, recall

AUTOLOG: Final = "mlops.autolog"
"""The tag of a run of a file in which autologging is on."""
INTERRUPT_GRACE_S: Final = 10.0
_TAIL_LINES: Final = 200
_TAIL_CHARS: Final = 10_000
_PIECE: Final = 1 << 18
_BY_SIGNAL: Final = 128
"""Exit codes above it stand for a signal, as shells have it."""


class Ways(Record, frozen=True, kw_only=True):
    """How a worker executes a run, where that is not as usual."""

    fit: Fit | None = None
    """How the packages that the original run recorded are had; ``None``: the worker's own are used."""
    into: str = ""
    """The folder that the snapshot is restored into, and stays in; empty: one that goes when the run has ended."""


class _Cancelled(BaseException):
    """SIGTERM or SIGINT came."""


def execute(world: World, run_id: str, ways: Ways | None = None) -> int:
    """Execute a submitted run to its end; return the exit code. Call it in the main thread of a process of its own."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _cancel)
    run = world.tracking.run(run_id)
    work = world.root / "work" / run.id
    try:
        return _execute(world, run, work, ways or Ways())
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _cancel(number: int, frame: FrameType | None) -> None:
    del number, frame
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)  # once is enough; what follows must not be interrupted
    raise _Cancelled


def _execute(world: World, run: Run, work: Path, ways: Ways) -> int:
    capture: Capture | None = None
    try:
        work.mkdir(parents=True, mode=0o700)
        folder = Path(run.tags["mlops.folder"])
        snapshot = run.tags.get("mlops.snapshot")
        if snapshot is not None:
            folder = Path(ways.into) if ways.into else work / "source"
            restore_snapshot(world, snapshot, folder, link_recorded=True)
        capture = attach(world, Plan(folder=folder), run, None)
        python = sys.executable if ways.fit is None else _interpreter(capture, ways.fit)
        status, reason, traceback = _run_child(capture, folder, work, python)
    except _Cancelled:
        status, reason, traceback = "KILLED", "Cancelled.", ""
    except MlopsError as error:
        status, reason, traceback = "FAILED", error.message, ""
    if capture is None:
        world.tracking.end_run(run.id, status, reason=reason)
    else:
        capture.end(status, reason=reason, traceback=traceback)
    return 0 if status == "FINISHED" else 1


def _interpreter(capture: Capture, fit: Fit) -> str:
    """Return the interpreter with the packages of the run that is reproduced, made now if need be."""
    world, said = capture.world, [""]

    def say(line: str) -> None:
        if line != said[-1]:
            said.append(line)
            capture.write("stderr", f"{line}\n")

    wanted = decode(world.tracking.read(RunId(capture.run.tags[REPRODUCES_TAG]), ENVIRONMENT), Environment)
    python = world.environments.interpreter(wanted, fit, say)
    if fit.how != "this":
        capture.store_text(encode(packages_of(python)), *ENVIRONMENT.split("/"))
    return python


def _run_child(capture: Capture, folder: Path, work: Path, python: str) -> tuple[RunStatus, str, str]:
    run = capture.run
    command, env, executed = _command(capture, work)
    child = subprocess.Popen(
        [python, "-m", "jupyter_mlops.worker", *command],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    child_id = process_id(child.pid)
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    readers = [
        threading.Thread(target=_copy, args=(pipe, capture, name, tail if name == "stderr" else None), daemon=True)
        for name, pipe in (("stdout", child.stdout), ("stderr", child.stderr))
        if pipe is not None
    ]
    for reader in readers:
        reader.start()
    try:
        code = child.wait()
    except _Cancelled:
        _stop(child)
        raise
    finally:
        for reader in readers:
            reader.join(timeout=5)  # a process that the script left behind may keep the pipe open
        if executed is not None and executed.is_file():
            capture.store(executed, "notebooks")
    status, reason = outcome(code, "".join(tail), of="process" if executed is None else "kernel")
    evidence = memory_evidence(child_id, signs_of(capture.world, run.id)) if status == "KILLED" else ""
    return status, f"{reason} {evidence}".strip(), "" if status == "FINISHED" else "".join(tail)


def _command(capture: Capture, work: Path) -> tuple[list[str], dict[str, str], Path | None]:
    """Return what the child is to do, with which variables, and where it leaves the executed notebook, if it is one."""
    run = capture.run
    env = _environment(capture, run)
    file = run.tags.get("mlops.file")
    if file is None:
        session, cell = recall(capture, work)
        executed = work / "executed" / session.name
        executed.parent.mkdir()
        del env["MLOPS_RUN_ID"]  # the run is that of one cell, and the kernel's only while that one executes
        return ["session", str(session), str(executed)], {**env, SESSION: f"{run.id} {cell}"}, executed
    if file.endswith(".ipynb"):
        executed = work / "executed" / Path(file).name
        executed.parent.mkdir()
        return ["notebook", file, str(executed)], env, executed
    arguments = [word for key, value in run.params.items() for word in (f"--{key}", value)]
    return ["script", file, *arguments], env, None


def _environment(capture: Capture, run: Run) -> dict[str, str]:
    world = capture.world
    again = {REPRODUCES: run.tags[REPRODUCES_TAG]} if REPRODUCES_TAG in run.tags else {}
    autolog = {"MLOPS_AUTOLOG": run.tags[AUTOLOG]} if AUTOLOG in run.tags else {}
    return {
        **os.environ,
        **again,
        **autolog,
        "MLOPS_WORKSPACE": str(world.home),
        "MLOPS_RUN_ID": run.id,
        "MLOPS_NOTEBOOK": run.tags.get("mlops.notebook", ""),
        "MLOPS_PARAMETERS": json.dumps(run.params),
        "MLOPS_WORKER": str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
    }


def _copy(pipe: IO[bytes], capture: Capture, name: str, tail: deque[str] | None) -> None:
    """Store what comes through a pipe until it closes; what cannot be stored is read all the same, or its writer would wait."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may come in two pieces
    while True:
        data = pipe.read1(_PIECE) if hasattr(pipe, "read1") else pipe.read(_PIECE)
        text = decoder.decode(data, final=not data)
        with suppress(OSError):
            capture.write(name, text)
        if tail is not None:
            tail.extend(line[-_TAIL_CHARS:] for line in text.splitlines(keepends=True))
        if not data:
            return


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Interrupt the child as Ctrl-C would, and end it and what it started if that does not help."""
    deadline = time.monotonic() + INTERRUPT_GRACE_S
    os.killpg(child.pid, signal.SIGINT)
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def outcome(code: int, stderr: str, *, of: str = "process") -> tuple[RunStatus, str]:
    """Return a run's status and reason for the exit code of its process: negative, or 128 and more, for a signal.

    A signal that another process sent ends the run as KILLED; one that its own fault raised, as FAILED.
    """
    if code == 0:
        return "FINISHED", ""
    number = -code if code < 0 else code - _BY_SIGNAL
    known = {each.value for each in signal.Signals}
    if number == signal.SIGINT:
        return "KILLED", "Interrupted."
    if number in known and (code < 0 or of == "kernel"):
        own_fault = number in {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}
        what = f"Its {of} {'crashed with' if own_fault else 'was ended by'} {signal.Signals(number).name}."
        return "FAILED" if own_fault else "KILLED", what
    return "FAILED", _reason(stderr)[:500] or f"It ended with exit code {code}."


def _reason(stderr: str) -> str:
    """Return the line that names the error: the first under the last traceback's frames, else the last line."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith("Traceback (most recent call last)"):
            named = [line for line in lines[number + 1 :] if not line[0].isspace()]
            return (named or lines)[0 if named else -1]
    return lines[-1] if lines else ""
