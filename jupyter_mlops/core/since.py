"""Moments as people name them: ``90s``, ``15m``, ``1h``, ``7d`` ago, or a date."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Final

from jupyter_mlops.core.errors import BadInput

SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


class BadMoment(BadInput):
    """Text that names no moment."""

    code = "bad-moment"


def moment(value: str | float | datetime, *, now: float | None = None) -> float:
    """Return a moment in seconds since the epoch: text, a ``datetime`` (local where it names no zone), or those seconds.

    Raises ``BadMoment``.
    """
    if isinstance(value, datetime):
        return value.timestamp()
    if not isinstance(value, str):
        return float(value)
    ago = re.fullmatch(r"-?\s*(\d+(?:\.\d+)?)\s*([smhdw])", value.strip())
    if ago:
        return (time.time() if now is None else now) - float(ago[1]) * SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(value.strip()).timestamp()
    except (ValueError, OverflowError):
        raise BadMoment(
            f"{value!r} is no moment.", hint="Write 90s, 15m, 1h or 7d for so long ago, or a date: 2026-11-21T19:30."
        ) from None


def iso(at: float) -> str:
    """Return a moment as text, in UTC: ``2026-11-21T19:30:00.123Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
