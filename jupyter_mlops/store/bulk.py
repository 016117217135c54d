"""Many points at once into MLflow's own SQLite tables, where their schema is one that we know.

MLflow's ``log_batch`` makes an object of each row and holds the interpreter for 80 ms a thousand points, while the
user's cell waits for it. Here a thousand points are one statement, during which the interpreter is free. The rows are
those that MLflow would have written. Every other store is left to MLflow's client.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.metric import is_metric_name
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store.writing import is_active, writing

_ROWS: Final = 1000  # times six is a fifth of the parameters that SQLite takes
_INSERT: Final = "INSERT OR IGNORE INTO metrics (key, step, timestamp, value, is_nan, run_uuid) VALUES "
_NEWEST: Final = """
INSERT INTO latest_metrics (key, step, timestamp, value, is_nan, run_uuid) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key, run_uuid) DO UPDATE
SET step = excluded.step, timestamp = excluded.timestamp, value = excluded.value, is_nan = excluded.is_nan
WHERE (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value)
"""
_Row = tuple[str, int, int, float, bool, str]


def log_points(path: Path, run_id: RunId, points: Sequence[MetricPoint]) -> bool:
    """Write points, all or none; twice is harmless. ``False``, and nothing, where MLflow has to be asked.

    Raises ``Unavailable`` where the file cannot be written.
    """
    if not all(map(is_metric_name, {point.key for point in points})):
        return False
    rows = [_row(run_id, point) for point in points]
    with writing(path) as connection:
        if connection is None or not is_active(connection, run_id):
            return False
        for start in range(0, len(rows), _ROWS):
            _insert(connection, rows[start : start + _ROWS])
        connection.executemany(_NEWEST, _newest(rows))
    return True


def _insert(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    # One statement: `executemany` would give up the interpreter, and wait for it, once a row.
    connection.execute(_INSERT + ",".join(["(?,?,?,?,?,?)"] * len(rows)), [field for row in rows for field in row])


def _row(run_id: RunId, point: MetricPoint) -> _Row:
    """Return a point as MLflow keeps it: NaN as a marked 0, the infinities as the largest doubles."""
    value = float(point.value)
    is_nan = math.isnan(value)
    kept = 0.0 if is_nan else min(max(value, -sys.float_info.max), sys.float_info.max)
    return point.key, point.step, point.at_ms, kept, is_nan, run_id


def _newest(rows: Sequence[_Row]) -> list[_Row]:
    """Return each key's newest row: the highest step, then time, then value, as MLflow has it."""
    newest: dict[str, _Row] = {}
    for row in rows:
        known = newest.get(row[0])
        if known is None or row[1:4] > known[1:4]:
            newest[row[0]] = row
    return list(newest.values())
