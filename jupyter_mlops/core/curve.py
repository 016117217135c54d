"""A curve: a metric over a run, at the resolution of a chart."""

from __future__ import annotations

from typing import Literal

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import MetricValue, Record

Axis = Literal["step", "time"]
Span = tuple[int, int]
"""A part of an axis, from the first to the last place of it: steps, or milliseconds since the epoch."""


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
