"""The console script: one command line, its result on standard output, one clear error otherwise, an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.render import show
from jupyter_mlops.cli.session import PROGRAM, Session, invoke
from jupyter_mlops.cli.term import paint
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.training.imported import when_imported

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""
BROKEN_PIPE: Final = 141
"""128 + SIGPIPE, as shells have it."""
BUG: Final = 70
"""EX_SOFTWARE of sysexits.h."""


def main() -> None:
    """Run the process's own command line and exit. Entry point of ``mlops`` and ``jupyter-mlops``."""
    program = "jupyter mlops" if Path(sys.argv[0]).name.startswith("jupyter") else PROGRAM
    sys.exit(run(sys.argv[1:], program=program))


def run(args: Sequence[str], *, program: str = PROGRAM) -> int:
    """Run one command line; return the exit code."""
    session = Session()
    line = LiveLine(sys.stderr)
    # The one thing that takes a second before a verb has anything of its own to show.
    stop_waiting = when_imported("mlflow", line.clear, first=lambda: line.live("Loading MLflow ..."))
    try:
        try:
            result = invoke(args, session, program=program)
            if result is not None:
                show(result)
            sys.stdout.flush()
        finally:
            stop_waiting()
            line.clear()
            session.close()
    except MlopsError as error:
        return _complain(error)
    except KeyboardInterrupt:
        _say("Interrupted.")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click exits by itself, and only, when its own output finds no reader
        _drop_output()
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001  # the last line of defence says it is a bug
        return _bug(error)
    return session.exit_code


def _complain(error: MlopsError) -> int:
    _say(f"{paint('Error:', 'bad', sys.stderr)} {error.message}")
    if error.excerpt:
        _say(error.excerpt)
    if error.hint:
        _say(f"Hint: {error.hint}")
    return error.exit_code


def _bug(error: Exception) -> int:
    if os.environ.get("MLOPS_DEBUG"):
        traceback.print_exception(error)
    else:
        _say(f"{paint('Error:', 'bad', sys.stderr)} {type(error).__name__}: {' '.join(str(error).split())}")
        _say("This is a bug; run with MLOPS_DEBUG=1 for the stack.")
    return BUG


def _say(line: str) -> None:
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        _drop_output()


def _drop_output() -> None:
    """Send what is still to be flushed nowhere: the reader has gone, and Python would complain at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
