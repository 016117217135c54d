"""A curve: a metric over a run, at the resolution of a chart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, Literal

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import MetricValue, Record

Axis = Literal["step", "time"]
Span = tuple[int, int]
"""A part of an axis, from the first to the last place of it: steps, or milliseconds since the epoch."""

BY_DIGEST: Final = "sha256:"


def full_name(asked: str, names: Iterable[str]) -> str:
    """Return which of a run's metrics is asked for: by its name, or by ``sha256:`` and the digest of the name's UTF-8.

    An address holds no name of ten thousand letters, nor one with the comma that stands between names.
    """
    if not asked.startswith(BY_DIGEST):
        return asked
    wanted = asked.removeprefix(BY_DIGEST)
    known = (name for name in dict.fromkeys(names) if hashlib.sha256(name.encode()).hexdigest() == wanted)
    return next(known, asked)


class Curve(Record, frozen=True, kw_only=True):
    """A metric in buckets of equal width; the lists are of equal length, one entry for each bucket that has points."""

    key: str
    axis: Axis = "step"
    n_points: int = 0
    """Points that were logged; where they are no more than the buckets asked for, each is an entry of its own."""
    at: list[int] = []
    """Step, or milliseconds since the epoch, of the bucket's last point."""
    low: list[MetricValue] = []
    """The smallest value; ``NaN`` where the bucket has no number. So is ``high``."""
    high: list[MetricValue] = []
    last: list[MetricValue] = []
    """The value logged last, NaN included."""


class Sparkline(Record, frozen=True, kw_only=True):
    """A metric of one run in a few points, all as they were logged: the shape of it, for a row of a list."""

    run: RunId
    at: list[int]
    """Steps."""
    values: list[MetricValue]
