"""Curves of metrics, kept small: what a sparkline needs of a million points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from jupyter_mlops.core.curve import Curve
from jupyter_mlops.core.record import MetricValue, Record

MOST_POINTS: Final = 240
"""Points that a series keeps before it thins itself out."""
SENT_POINTS: Final = 80

Point = tuple[float, float]


class Trend(Record, frozen=True, kw_only=True):
    """One metric of a card: its last value, and how it came there."""

    name: str
    last: MetricValue
    n_points: int = 1
    lowest: float | None = None
    """Of the finite values; ``None`` when there are none."""
    highest: float | None = None
    points: list[Point] = []
    """Finite values as ``(step, value)`` in the order they were logged, thinned out so that extremes stay."""


class Series:
    """One metric as it is logged, in bounded memory. Adding a point is cheap; spikes survive the thinning."""

    __slots__ = ("_points", "highest", "last", "lowest", "n_points")

    def __init__(self) -> None:
        self._points: list[Point] = []
        self.n_points = 0
        self.last: MetricValue = "NaN"
        self.lowest: float | None = None
        self.highest: float | None = None

    def add(self, step: float, value: MetricValue) -> None:
        """Add the next point."""
        self.n_points += 1
        self.last = value
        if isinstance(value, str) or not math.isfinite(value):
            return
        self.lowest = value if self.lowest is None else min(self.lowest, value)
        self.highest = value if self.highest is None else max(self.highest, value)
        self._points.append((step, value))
        if len(self._points) > MOST_POINTS:
            self._points = thinned(self._points, MOST_POINTS // 2)

    def trend(self, name: str) -> Trend:
        """Return what there is by now."""
        points = _short(thinned(self._points, SENT_POINTS)) if self.n_points > 1 else []
        return Trend(
            name=name,
            last=self.last,
            n_points=self.n_points,
            lowest=self.lowest,
            highest=self.highest,
            points=points,
        )


def trend_of(last: MetricValue, curve: Curve) -> Trend:
    """Return the trend of a metric from its last value and its curve in ``SENT_POINTS // 2`` buckets or fewer."""
    points: list[Point] = []
    for at, low, high, end in zip(curve.at, curve.low, curve.high, curve.last, strict=True):
        ends = [low, high] if end == high else [high, low]  # the curve goes on from where the bucket ends
        points += [(at, value) for value in dict.fromkeys(ends) if not isinstance(value, str)]
    values = [value for _, value in points]
    return Trend(
        name=curve.key,
        last=last,
        n_points=max(1, curve.n_points),
        lowest=min(values, default=None),
        highest=max(values, default=None),
        points=_short(points) if curve.n_points > 1 else [],
    )


def _short(points: Iterable[Point]) -> list[Point]:
    """Return points without digits that no eye can tell apart: they are saved in the notebook."""
    return [(step, float(f"{value:.6g}")) for step, value in points]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most ``most`` points: of each stretch the lowest and the highest, and always the first and the last."""
    if len(points) <= most:
        return list(points)
    n_buckets = (most - 2) // 2
    inner = points[1:-1]
    kept = [points[0]]
    for bucket in range(n_buckets):
        part = inner[bucket * len(inner) // n_buckets : (bucket + 1) * len(inner) // n_buckets]
        low = min(range(len(part)), key=lambda i: part[i][1])
        high = max(range(len(part)), key=lambda i: part[i][1])
        kept += [part[i] for i in sorted({low, high})]
    return [*kept, points[-1]]
