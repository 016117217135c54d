"""Following an activity: a live line on a terminal, plain lines elsewhere, until it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO

from jupyter_mlops.cli.session import Session
from jupyter_mlops.cli.term import can_show, cut, is_terminal, one_line, width_of
from jupyter_mlops.core.activity import Activity

_BAR = 20


class LiveLine:
    """One line of a terminal that is written over; where that is not possible, a line per new message."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = is_terminal(stream) and os.environ.get("TERM") != "dumb"
        self._last = ""

    def update(self, text: str, fraction: float | None = None) -> None:
        """Show a step, and how far it is."""
        text = one_line(text)
        if self._live:
            line = f"{_bar(fraction)} {text}" if fraction is not None else text
            self._write(f"\r\x1b[2K{cut(line, (width_of(self._stream) or 80) - 1)}")
        elif text and text != self._last:
            self._write(f"{text}\n")
        self._last = text

    def live(self, text: str, fraction: float | None = None) -> None:
        """Show a step on a terminal only: elsewhere its outcome will be a line of its own."""
        if self._live:
            self.update(text, fraction)

    def clear(self) -> None:
        """Take the live line away, for what comes after it."""
        if self._live and self._last:
            self._write("\r\x1b[2K")
        self._last = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _bar(fraction: float) -> str:
    full, empty = ("█", "░") if can_show("█") else ("#", ".")
    done = round(min(1.0, max(0.0, fraction)) * _BAR)
    return f"{full * done}{empty * (_BAR - done)} {fraction:4.0%}"


def follow(session: Session, activity: Activity) -> Activity:
    """Show an activity until it ends; return it. Raises ``Remote`` with its error when it failed.

    An interrupt leaves the activity going on and says how to come back to it.
    """
    from jupyter_mlops.activities import wait_activity

    line = LiveLine(sys.stdout if session.face == "notebook" else sys.stderr)

    def show(now: Activity) -> None:
        if now.error is None:  # an error is raised below, and said there
            line.update(now.message or f"{now.subject}: {now.state}", now.progress)

    shown: Callable[[Activity], None] = session.on_progress or show
    try:
        return wait_activity(session.world, activity.name, on_change=shown)
    except KeyboardInterrupt:
        line.clear()
        session.tell(f"It goes on without you. Follow it with `mlops activities wait {activity.name}`.")
        raise
    finally:
        line.clear()
