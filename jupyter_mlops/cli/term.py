"""The terminal: its width, its colours, and text that cannot disturb it."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from typing import Final, Literal, TextIO

Tone = Literal["plain", "good", "bad", "busy", "quiet", "strong"]

_CODES: Final[dict[Tone, str]] = {"good": "32", "bad": "31", "busy": "36", "quiet": "2", "strong": "1"}


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a person looks at ``stream``."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def has_colour(stream: TextIO) -> bool:
    """Tell whether ``stream`` shows colours. NO_COLOR (https://no-color.org) and a dumb terminal say no."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, tone: Tone, stream: TextIO | None) -> str:
    """Return ``text`` coloured for ``stream``; as it is for ``None`` and where colours are not shown."""
    if tone == "plain" or stream is None or not has_colour(stream):
        return text
    return f"\x1b[{_CODES[tone]}m{text}\x1b[0m"


def width_of(stream: TextIO) -> int | None:
    """Return the columns of a terminal; ``None`` (no limit) for a file or a pipe without COLUMNS."""
    if is_terminal(stream) or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def cells(text: str) -> int:
    """Return how many columns ``text`` takes: two for wide East Asian characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def one_line(text: str) -> str:
    """Return ``text`` as a single printable line: names come from others and may hold control characters."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char in "\n\t\r" else f"\\x{ord(char):02x}" for char in text)


def printable(text: str) -> str:
    """Return ``text`` without control characters other than tabs and line ends: a file's lines may hold any."""
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\r\n", "\n"))


_DIFF: Final[dict[str, Tone]] = {"+": "good", "-": "bad", "@": "busy"}


def diff_tone(line: str) -> Tone:
    """Return the tone of a line of a unified diff."""
    return "strong" if line.startswith(("--- ", "+++ ")) else _DIFF.get(line[:1], "plain")


def cut(text: str, most: int) -> str:
    """Return ``text`` in at most ``most`` columns, with an ellipsis where something is left out."""
    if cells(text) <= most:
        return text
    kept, used = "", 0
    for char in text:
        used += cells(char)
        if used > most - 1:
            break
        kept += char
    return kept + "…" if can_show("…") else kept[:-2] + "..."


def can_show(text: str) -> bool:
    """Tell whether standard output's encoding has ``text``."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
