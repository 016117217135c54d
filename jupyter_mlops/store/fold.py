r"""Folding: what a terminal would show at the end, of output that moves its cursor to show progress.

``10%\r20%\r30%`` becomes ``30%``. A carriage return, backspaces, cursor movements and erasing are acted upon within the
last rows; colours and all other escape sequences are dropped, so that what is stored is plain text.
"""

from __future__ import annotations

import re
from typing import Final

ROWS: Final = 24
"""How far up the cursor can go, as in a small terminal."""
LIVE_CHARS: Final = 8192
"""How much of the end is kept changeable; an unfinished line that is longer is folded in parts."""
_MARKS: Final = ("\r", "\x1b", "\b", "\x07")
_TOKEN: Final = re.compile(
    r"""
      (?P<csi>\x1b\[(?P<args>[0-9;:<=>?]*)[ -/]*(?P<verb>[@-~]))
    | (?P<other>\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[ -/]+[0-~]|\x1b[0-OQ-WYZ\\`-~]|\x07)
    | (?P<move>[\r\n\b])
    """,
    re.VERBOSE,
)
_UNFINISHED: Final = re.compile(r"\x1b(?:\[[0-9;:<=>?]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?|[ -/]*)\Z")
_PENDING_CHARS: Final = 256
"""An escape sequence that is longer was none."""


class Fold:
    """The end of a stream, which what comes next may still change."""

    def __init__(self) -> None:
        self.live = ""
        """What may still change: the text ends with it."""
        self._cursor: tuple[int, int] | None = None
        """Row and column in ``live``; ``None`` stands for its end."""
        self._pending = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """Return what to write, and whether it goes in the place of ``live`` as it was before instead of after it."""
        text = self._pending + text
        self._pending = ""
        if "\r\n" in text:
            text = text.replace("\r\n", "\n")
        if self._cursor is None and not any(mark in text for mark in _MARKS):
            self.live = (self.live + text)[-LIVE_CHARS:] if len(text) < LIVE_CHARS else text[-LIVE_CHARS:]
            return text, False
        unfinished = _UNFINISHED.search(text, max(0, len(text) - _PENDING_CHARS))
        if unfinished:
            text, self._pending = text[: unfinished.start()], text[unfinished.start() :]
        settled = self._act(text)
        return settled + self.live, True

    def _act(self, text: str) -> str:
        """Apply text to the live rows; return the rows that can change no more."""
        screen = _Screen(self.live, self._cursor)
        at = 0
        for token in _TOKEN.finditer(text):
            if token.start() > at:
                screen.put(text[at : token.start()])
            at = token.end()
            if token["move"]:
                screen.move(token["move"])
            elif token["csi"]:
                screen.control(token["verb"], token["args"])
        if at < len(text):
            screen.put(text[at:])
        settled, self.live, self._cursor = screen.leave()
        return settled


class _Screen:
    """Rows of text and a cursor."""

    def __init__(self, text: str, cursor: tuple[int, int] | None) -> None:
        self._rows = text.split("\n")
        self._row, self._col = cursor or (len(self._rows) - 1, len(self._rows[-1]))
        self._settled: list[str] = []

    def put(self, text: str) -> None:
        row = self._rows[self._row]
        if self._col == len(row):
            self._rows[self._row] = row + text
        else:
            self._rows[self._row] = row[: self._col].ljust(self._col) + text + row[self._col + len(text) :]
        self._col += len(text)

    def move(self, mark: str) -> None:
        if mark == "\b":
            self._col = max(0, self._col - 1)
            return
        self._col = 0
        if mark == "\n":
            self._down(1)

    def control(self, verb: str, args: str) -> None:
        first = args.partition(";")[0]
        n = max(1, int(first)) if first.isdecimal() else 1
        row = self._rows[self._row]
        if verb in "AF":
            self._row = max(0, self._row - n)
        elif verb in "BE":
            self._down(min(n, ROWS))
        elif verb == "C":
            self._col = min(self._col + n, LIVE_CHARS)
        elif verb == "D":
            self._col = max(0, self._col - n)
        elif verb == "G":
            self._col = min(n - 1, LIVE_CHARS)
        elif verb == "K":
            end = "" if first != "1" else row[self._col :].rjust(len(row))
            self._rows[self._row] = row[: self._col] if first in {"", "0"} else end
        elif verb == "J" and first in {"", "0"}:
            self._rows[self._row] = row[: self._col]
            del self._rows[self._row + 1 :]
        if verb in "EF":
            self._col = 0

    def leave(self) -> tuple[str, str, tuple[int, int] | None]:
        """Return the settled text, the live text and where the cursor is in it, ``None`` for its end."""
        self._settle(ROWS)
        too_long = len(self._rows[self._row]) - LIVE_CHARS
        if too_long > 0 and self._row == len(self._rows) - 1:
            self._settle(1)
            self._settled.append(self._rows[0][:too_long])
            self._rows[0] = self._rows[0][too_long:]
            self._col = max(0, self._col - too_long)
        at_end = self._row == len(self._rows) - 1 and self._col == len(self._rows[-1])
        return "".join(self._settled), "\n".join(self._rows), None if at_end else (self._row, self._col)

    def _down(self, n: int) -> None:
        self._row += n
        while self._row >= len(self._rows):
            self._rows.append("")
        if len(self._rows) > 16 * ROWS:
            self._settle(ROWS)

    def _settle(self, keep: int) -> None:
        gone = max(0, min(len(self._rows) - keep, self._row))
        while gone < self._row and sum(map(len, self._rows[gone:])) > LIVE_CHARS:
            gone += 1
        self._settled += [f"{row}\n" for row in self._rows[:gone]]
        del self._rows[:gone]
        self._row -= gone
