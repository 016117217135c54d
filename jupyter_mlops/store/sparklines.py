"""A metric of many runs at once, each in a few points: what a list of runs draws beside their names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from jupyter_mlops.core.curve import Sparkline
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.store.entities import metric_value
from jupyter_mlops.store.reading import Rows

_BY_STEP: Final = "index_metrics_run_uuid_key_step"
"""MLflow's own index; without statistics SQLite would take another, and read all runs' points of that name."""


def read_sparklines(rows: Rows, runs: Sequence[RunId], key: str, n_points: int) -> list[Sparkline]:
    """Return the runs that have the metric, each with up to ``n_points`` of its points, evenly over its steps.

    So many jumps in an index for each run, however many points it logged: no reading of all of them, as for a curve.
    """
    found = (Sparkline(run=run, **_columns(_points(rows, run, key, n_points))) for run in runs)
    return [one for one in found if one.at]


def thin(points: Sequence[tuple[int, float]], n_points: int) -> list[tuple[int, float]]:
    """Return some of the points of a curve, evenly over its steps: what a server gave is all here already."""
    if len(points) <= n_points:
        return list(points)
    low, high = points[0][0], points[-1][0]
    kept: list[tuple[int, float]] = []
    for point in points:
        if point[0] >= low + (high - low) * len(kept) // (n_points - 1):
            kept.append(point)
    return kept


def sparkline_of(run: RunId, points: Sequence[tuple[int, float]], n_points: int) -> Sparkline:
    """Return the same of points that are here already."""
    return Sparkline(run=run, **_columns(thin(points, n_points)))


def _points(rows: Rows, run: RunId, key: str, n_points: int) -> list[tuple[int, float]]:
    by = f"INDEXED BY {_BY_STEP}" if rows.sqlite else ""
    mine = f"FROM metrics x {by} WHERE x.run_uuid = :run AND x.key = :key"
    number = "CASE WHEN x.is_nan = :no THEN x.value END"
    given: dict[str, Any] = {"run": run, "key": key, "no": False, "n": n_points}
    first = rows(f"SELECT x.step, {number} {mine} ORDER BY x.step, x.timestamp LIMIT {n_points + 1}", given)
    if len(first) <= n_points:
        return _numbers(first)
    given["low"] = first[0][0]
    given["high"] = rows(f"SELECT MAX(x.step) {mine}", given)[0][0]
    there = f"{mine} AND x.step >= b.at ORDER BY x.step, x.timestamp LIMIT 1"
    found = f"SELECT (SELECT x.step {there}), (SELECT {number} {there}) FROM b"  # noqa: S608  # names are ours, values are bound
    steps = "WITH RECURSIVE i(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i WHERE i < :n - 1), "
    places = "b(at) AS (SELECT :low + (:high - :low) * i / (:n - 1) FROM i) "
    return _numbers(dict(rows(steps + places + found, given)).items())


def _numbers(found: Iterable[tuple[Any, ...]]) -> list[tuple[int, float]]:
    return [(step, math.nan if value is None else value) for step, value in found]


def _columns(points: Sequence[tuple[int, float]]) -> dict[str, Any]:
    return {"at": [step for step, _ in points], "values": [metric_value(value) for _, value in points]}
