"""Metric curves at the resolution of a chart: per bucket the smallest, the largest and the last value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from jupyter_mlops.core.curve import Axis, Curve, Span
from jupyter_mlops.core.record import MetricValue
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store.entities import metric_value
from jupyter_mlops.store.reading import Rows

_AXES: Final[dict[Axis, tuple[str, str]]] = {"step": ("step", "timestamp"), "time": ("timestamp", "step")}
"""The column of each axis, and what decides between points at the same place of it."""
_ORDERED: Final[dict[Axis, str]] = {"step": "index_metrics_run_uuid_key_step", "time": "sqlite_autoindex_metrics_1"}
"""MLflow's own index in the order of each axis; the one by time is its primary key, and so of all runs together."""


def read_curve(rows: Rows, run_id: str, key: str, n_buckets: int, axis: Axis, *, within: Span | None = None) -> Curve:
    """Return a metric's curve, or what of it is ``within``, by SQL, one row for each bucket, however many points there are."""
    at, then = _AXES[axis]
    given: dict[str, Any] = {"run": run_id, "key": key, "no": False}
    mine = _mine(rows)
    if within is not None:
        given["first"], given["last"] = within
        mine += f" AND x.{at} BETWEEN :first AND :last"
    some = rows(f"SELECT {at}, {then}, is_nan, value {mine} LIMIT {n_buckets + 1}", given)
    if len(some) <= n_buckets:
        return _exact(key, axis, [(place, math.nan if is_nan else value) for place, _, is_nan, value in sorted(some)])
    found = (rows.sqlite and _walked(rows, mine, given, n_buckets, axis)) or _grouped(
        rows, mine, given, n_buckets, axis
    )
    buckets = [(place, least, most, math.nan if value is None else value) for place, _, least, most, value in found]
    return _curve(key, axis, sum(row[1] for row in found), buckets)


def _walked(rows: Rows, mine: str, given: dict[str, Any], n_buckets: int, axis: Axis) -> list[tuple[Any, ...]]:
    """Return the buckets, each read from SQLite's index in the axis's own order; nothing where that does not pay.

    Nothing is sorted then, and sorting takes longer than reading. The index in order of time has the points of all runs,
    so there must be few others at that time. What is first and last by step is taken for first and last in time, too:
    where it is not, some points lie outside of all buckets, which their number tells.
    """
    at, _ = _AXES[axis]
    ends = (f"(SELECT {at} {mine} ORDER BY step {down} LIMIT 1)" for down in ("ASC", "DESC"))
    low, high, n_points = rows(f"SELECT {', '.join(ends)}, (SELECT COUNT(*) {mine})", given)[0]
    if high < low or (axis == "time" and _is_crowded(rows, given, low, high, 2 * n_points)):
        return []
    width = _width(low, high, n_buckets)
    rows("DROP TABLE IF EXISTS temp.mlops_buckets")
    rows("CREATE TEMP TABLE mlops_buckets (i INTEGER PRIMARY KEY, low INTEGER, high INTEGER)")
    rows(
        "INSERT INTO temp.mlops_buckets (low, high) WITH RECURSIVE b(low) AS "
        "(SELECT :low UNION ALL SELECT low + :width FROM b WHERE low <= :high - :width) "
        "SELECT low, MIN(low + :width - 1, :high) FROM b",
        {"low": low, "high": high, "width": width},
    )
    inside = (
        f"FROM temp.mlops_buckets s CROSS JOIN metrics x {_by(_ORDERED[axis], rows)} "
        f"WHERE x.run_uuid = :run AND x.key = :key AND x.{at} BETWEEN s.low AND s.high GROUP BY s.i"
    )
    found = rows(_buckets(rows, axis, inside), given)
    return found if sum(row[1] for row in found) == n_points else []


def _is_crowded(rows: Rows, given: dict[str, Any], low: int, high: int, most: int) -> bool:
    """Tell whether all runs together have more than ``most`` points of that name in a time."""
    then = f"FROM metrics x {_by(_ORDERED['time'], rows)} WHERE x.key = :key AND x.timestamp BETWEEN :low AND :high"
    counted = f"SELECT COUNT(*) FROM (SELECT 1 {then} LIMIT {most + 1})"  # noqa: S608  # names are ours, values are bound
    return int(rows(counted, {**given, "low": low, "high": high})[0][0]) > most


def _grouped(rows: Rows, mine: str, given: dict[str, Any], n_buckets: int, axis: Axis) -> list[tuple[Any, ...]]:
    """Return the buckets, into which the database sorts the points."""
    at, _ = _AXES[axis]
    low, high = rows(f"SELECT (SELECT MIN({at}) {mine}), (SELECT MAX({at}) {mine})", given)[0]
    inside = f"{mine} GROUP BY (x.{at} - :low) / :width"
    return rows(_buckets(rows, axis, inside), {**given, "low": low, "width": _width(low, high, n_buckets)})


def _buckets(rows: Rows, axis: Axis, inside: str) -> str:
    """Return the SQL of place, number, smallest, largest and last value of the groups that ``inside`` makes."""
    at, then = _AXES[axis]
    here = f"x.run_uuid = :run AND x.key = :key AND x.{at} = b.at"
    number = "CASE WHEN x.is_nan = :no THEN x.value END"
    last = f"ORDER BY x.{then} DESC, x.is_nan DESC, x.value DESC LIMIT 1"
    return (
        f"SELECT b.at, b.n, b.low, b.high, (SELECT {number} FROM metrics x {_by(_ORDERED[axis], rows)} WHERE {here} {last}) "  # noqa: S608  # names are ours, values are bound
        f"FROM (SELECT MAX(x.{at}) AS at, COUNT(*) AS n, MIN({number}) AS low, MAX({number}) AS high {inside}) b ORDER BY b.at"
    )


def _width(low: int, high: int, n_buckets: int) -> int:
    """Return how much of the axis one bucket is. Integers: a bucket is the same on every database."""
    return -(-(high - low + 1) // n_buckets)


def _mine(rows: Rows) -> str:
    # Without statistics SQLite would walk all runs' points of that name, and for each bucket once more.
    return f"FROM metrics x {_by(_ORDERED['step'], rows)} WHERE x.run_uuid = :run AND x.key = :key"


def _by(index: str, rows: Rows) -> str:
    """Return the hint for one of MLflow's own indexes, which the known schema revisions have."""
    return f"INDEXED BY {index}" if rows.sqlite else ""


def curve_of(points: Iterable[MetricPoint], key: str, n_buckets: int, axis: Axis, within: Span | None = None) -> Curve:
    """Return the curve of points that are here already: what a server gave."""
    first, last = within or (-math.inf, math.inf)
    ordered = sorted(
        ((p.step, p.at_ms, float(p.value)) if axis == "step" else (p.at_ms, p.step, float(p.value)) for p in points),
        key=lambda one: (one[0], one[1], math.isnan(one[2]), one[2]),
    )
    ordered = [one for one in ordered if first <= one[0] <= last]
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
