"""Following a run that this command line began: its output as it comes, until it ends."""

from __future__ import annotations

import sys
import time
from typing import Final

from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.session import Session
from jupyter_mlops.core.run import Run
from jupyter_mlops.training.following import StreamReader
from jupyter_mlops.training.runs import cancel_run

ENDED: Final = frozenset({"FINISHED", "FAILED", "KILLED"})
_LOOK_EVERY_S: Final = 0.3


def follow_run(session: Session, begun: Run) -> Run:
    """Copy a run's output until it ends. An interrupt cancels the run."""
    session.tell(f"Run {begun.name} ({begun.id[:8]}) of experiment {begun.experiment} began.")
    out = sys.stderr if session.as_json else sys.stdout
    live = LiveLine(sys.stderr)
    readers = [
        (StreamReader(session.world, begun, "stdout"), out),
        (StreamReader(session.world, begun, "stderr"), sys.stderr),
    ]
    try:
        while True:
            now = session.world.tracking.run(begun.id)
            for reader, to in readers:
                piece = reader.rest() if now.status in ENDED else reader.next()
                if piece is not None:
                    live.clear()
                    to.write(piece.lines)
                    to.flush()
                    if piece.current:  # a progress bar, most often
                        live.live(piece.current)
            if now.status in ENDED:
                return now
            time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        session.tell(f"Cancelling the run {begun.name} ...")
        cancel_run(session.world, begun.id)
        raise
