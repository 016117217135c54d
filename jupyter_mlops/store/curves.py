"""Metric curves at the resolution of a chart: per bucket the smallest, the largest and the last value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from jupyter_mlops.core.curve import Axis, Curve
from jupyter_mlops.core.record import MetricValue
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store.entities import metric_value
from jupyter_mlops.store.reading import Rows

_AXES: Final[dict[Axis, tuple[str, str]]] = {"step": ("step", "timestamp"), "time": ("timestamp", "step")}
"""The column of each axis, and what decides between points at the same place of it."""


def read_curve(rows: Rows, run_id: str, key: str, n_buckets: int, axis: Axis) -> Curve:
    """Return a metric's curve by SQL, one row for each bucket, however many points there are."""
    at, then = _AXES[axis]
    # Without statistics SQLite would walk all runs' points of that name, and for each bucket once more.
    mine = f"FROM metrics x {_by('index_metrics_run_uuid_key_step', rows)} WHERE x.run_uuid = :run AND x.key = :key"
    nearest = "index_metrics_run_uuid_key_step" if axis == "step" else "sqlite_autoindex_metrics_1"
    given = {"run": run_id, "key": key}
    some = rows(f"SELECT {at}, {then}, is_nan, value {mine} LIMIT {n_buckets + 1}", given)
    if len(some) <= n_buckets:
        return _exact(key, axis, [(place, math.nan if is_nan else value) for place, _, is_nan, value in sorted(some)])
    low, high = rows(f"SELECT (SELECT MIN({at}) {mine}), (SELECT MAX({at}) {mine})", given)[0]
    here = f"x.run_uuid = :run AND x.key = :key AND x.{at} = b.at"
    last = (
        f"FROM metrics x {_by(nearest, rows)} WHERE {here} ORDER BY x.{then} DESC, x.is_nan DESC, x.value DESC LIMIT 1"
    )
    # Integer arithmetic: a bucket is the same on every database. A span can be wider than 64 bits divided by buckets.
    width = -(-(high - low + 1) // n_buckets)
    number = "CASE WHEN x.is_nan = :no THEN x.value END"
    found = rows(
        f"SELECT b.at, b.n, b.low, b.high, (SELECT CASE WHEN x.is_nan = :no THEN x.value END {last}) FROM ("  # noqa: S608  # names are ours, values are bound
        f"SELECT MAX(x.{at}) AS at, COUNT(*) AS n, MIN({number}) AS low, MAX({number}) AS high {mine} "
        f"GROUP BY (x.{at} - :low) / :width) b ORDER BY b.at",
        {**given, "low": low, "width": width, "no": False},
    )
    buckets = [(place, least, most, math.nan if value is None else value) for place, _, least, most, value in found]
    return _curve(key, axis, sum(row[1] for row in found), buckets)


def _by(index: str, rows: Rows) -> str:
    """Return the hint for one of MLflow's own indexes, which the known schema revisions have."""
    return f"INDEXED BY {index}" if rows.sqlite else ""


def curve_of(points: Iterable[MetricPoint], key: str, n_buckets: int, axis: Axis) -> Curve:
    """Return the curve of points that are here already: what a server gave."""
    ordered = sorted(
        ((p.step, p.at_ms, float(p.value)) if axis == "step" else (p.at_ms, p.step, float(p.value)) for p in points),
        key=lambda one: (one[0], one[1], math.isnan(one[2]), one[2]),
    )
    if len(ordered) <= n_buckets:
        return _exact(key, axis, [(place, value) for place, _, value in ordered])
    low, high = ordered[0][0], ordered[-1][0]
    width = -(-(high - low + 1) // n_buckets)
    buckets: dict[int, list[tuple[int, float]]] = {}
    for place, _, value in ordered:
        buckets.setdefault((place - low) // width, []).append((place, value))
    rows: list[tuple[int, float | None, float | None, float]] = []
    for inside in buckets.values():
        numbers = [value for _, value in inside if not math.isnan(value)]
        rows.append((inside[-1][0], min(numbers, default=None), max(numbers, default=None), inside[-1][1]))
    return _curve(key, axis, len(ordered), rows)


def _exact(key: str, axis: Axis, points: Sequence[tuple[int, float]]) -> Curve:
    rows = [(place, None if math.isnan(v) else v, None if math.isnan(v) else v, v) for place, v in points]
    return _curve(key, axis, len(points), rows)


def _curve(key: str, axis: Axis, n_points: int, rows: Sequence[tuple[int, Any, Any, float]]) -> Curve:
    def values(which: int) -> list[MetricValue]:
        return [metric_value(math.nan if row[which] is None else row[which]) for row in rows]

    return Curve(
        key=key,
        axis=axis,
        n_points=n_points,
        at=[row[0] for row in rows],
        low=values(1),
        high=values(2),
        last=values(3),
    )
