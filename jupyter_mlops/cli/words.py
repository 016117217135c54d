"""How quantities and states read: times, durations, sizes, metrics, statuses."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from jupyter_mlops.cli.term import Tone
from jupyter_mlops.cli.view import Age, Word
from jupyter_mlops.core.record import MetricValue

_TONES: Final[dict[str, Tone]] = {
    "FINISHED": "good",
    "ready": "good",
    "done": "good",
    "FAILED": "bad",
    "failed": "bad",
    "KILLED": "bad",
    "degraded": "bad",
    "RUNNING": "busy",
    "SCHEDULED": "busy",
    "running": "busy",
    "queued": "busy",
    "pending": "busy",
    "deleting": "busy",
    "cancelled": "quiet",
}
BLOCKS: Final = "▁▂▃▄▅▆▇█"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def status(text: str) -> Word:
    """Return a state with its tone."""
    return Word(text, _TONES.get(text, "plain"))


def when(at: float | None) -> str:
    """Return a moment (seconds since the epoch) in local time, to the second."""
    if not at:
        return ""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def age(at: float | None, now: float | None = None) -> Age:
    """Return how long ago a moment was: ``3 min ago``."""
    if not at:
        return Age("")
    past = max(0.0, (time.time() if now is None else now) - at)
    days = int(past // _DAY)
    if past < _MINUTE:
        text = "just now" if past < 10 else f"{past:.0f} s ago"  # noqa: PLR2004  # a clock's jitter is no age
    elif past < _HOUR:
        text = f"{past // _MINUTE:.0f} min ago"
    elif past < _DAY:
        text = f"{past // _HOUR:.0f} h ago"
    else:
        text = f"{days} day{'s' * (days > 1)} ago"
    return Age(text, moment=when(at)[:16])


def duration(seconds: float | None) -> str:
    """Return a duration: ``0.21 s``, ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:  # noqa: PLR2004  # two digits are enough
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def size(n_bytes: float) -> str:
    """Return a number of bytes in decimal units, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:  # noqa: PLR2004  # decimal units
            return f"{n_bytes:.0f} {unit}" if unit == "B" or n_bytes >= 100 else f"{n_bytes:.1f} {unit}"  # noqa: PLR2004
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def number(value: MetricValue) -> str:
    """Return a metric with four significant digits; whole numbers whole."""
    if isinstance(value, str):
        return value
    if float(value).is_integer() and abs(value) < 1e15:  # noqa: PLR2004  # where a float still counts by one
        return str(int(value))
    return f"{value:.4g}"


def pairs(values: Mapping[str, object], most: int = 0) -> str:
    """Return ``a=1 b=2``; at most ``most`` of them, then how many more."""
    shown = list(values.items())
    rest = len(shown) - most if most and len(shown) > most else 0
    if rest:
        shown = shown[:most]
    text = " ".join(f"{key}={value}" for key, value in shown)
    return f"{text} +{rest}" if rest else text


def count(n: int, noun: str) -> str:
    """Return ``1 file``, ``2 files``."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def in_blocks(values: Sequence[float], width: int = 20) -> str:
    """Return a curve as a word of block characters, at most ``width`` of them; empty for fewer than two values."""
    if len(values) < 2:  # noqa: PLR2004  # one value is no curve
        return ""
    columns = min(width, len(values))
    shown = [values[round(at * (len(values) - 1) / (columns - 1))] for at in range(columns)]
    low, high = min(shown), max(shown)
    half_span = (high / 2 - low / 2) or 1.0  # halves: the span of huge values has no float
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[round((value / 2 - low / 2) / half_span * top)] for value in shown)
