"""Runs of what SQL found of them, with their metrics, parameters and tags."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jupyter_mlops.core.run import Run
from jupyter_mlops.store.entities import run_record
from jupyter_mlops.store.reading import Rows

RUN_COLUMNS: Final = (
    "r.run_uuid, r.name, r.experiment_id, r.status, r.start_time, r.end_time, r.artifact_uri, r.lifecycle_stage"
)
CHUNK: Final = 500
"""Runs whose parameters, metrics and tags are asked for at once."""
BY_RUN: Final = "INDEXED BY sqlite_autoindex_latest_metrics_1"
"""Keeps SQLite from reading a metric of every run in the index by values, which covers all columns, for that of some runs."""


def complete(
    rows: Rows,
    found: Sequence[tuple[Any, ...]],
    experiments: Mapping[int, str],
    keys: Mapping[str, Sequence[str]] | None = None,
) -> list[Run]:
    """Return the runs of these rows with their tags, and with all their metrics and parameters or the ``keys`` of each."""
    wanted = {} if keys is None else keys
    runs: list[Run] = []
    for at in range(0, len(found), CHUNK):
        chunk = found[at : at + CHUNK]
        ids = [row[0] for row in chunk]
        params, tags = _texts(rows, "params", ids, wanted.get("params")), _texts(rows, "tags", ids)
        metrics: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for run_id, key, value, is_nan in _of_runs(
            rows, "latest_metrics", "run_uuid, key, value, is_nan", ids, wanted.get("metrics")
        ):
            metrics[run_id][key] = math.nan if is_nan else value
        runs += [
            run_record(
                run_id=run_id,
                name=name,
                experiment=experiments[experiment_id],
                status=status,
                start_ms=start_ms,
                end_ms=end_ms,
                artifact_uri=artifact_uri,
                params=params[run_id],
                metrics=metrics[run_id],
                tags=tags[run_id],
                deleted=stage == "deleted",
            )
            for run_id, name, experiment_id, status, start_ms, end_ms, artifact_uri, stage in chunk
        ]
    return runs


def _texts(
    rows: Rows, table: str, ids: Sequence[str], keys: Sequence[str] | None = None
) -> Mapping[str, dict[str, str]]:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for run_id, key, value in _of_runs(rows, table, "run_uuid, key, value", ids, keys):
        found[run_id][key] = value or ""
    return found


def _of_runs(
    rows: Rows, table: str, columns: str, ids: Sequence[str], keys: Sequence[str] | None = None
) -> Iterator[tuple[Any, ...]]:
    some, values = listed(ids)
    source = f"{table} {BY_RUN}" if table == "latest_metrics" and rows.sqlite else table
    if keys is None:
        yield from rows(f"SELECT {columns} FROM {table} WHERE run_uuid IN ({some}) ORDER BY key", values)  # noqa: S608  # names are ours, values are bound
    for at in range(0, len(keys or ()), CHUNK):
        named, texts = listed((keys or ())[at : at + CHUNK], "key")
        where = f"key IN ({named}) AND run_uuid IN ({some})"
        yield from rows(f"SELECT {columns} FROM {source} WHERE {where} ORDER BY key", {**values, **texts})  # noqa: S608  # names are ours, values are bound


def listed(values: Sequence[str], name: str = "id") -> tuple[str, dict[str, str]]:
    """Return the placeholders of a list, and what is bound to them."""
    bound = {f"{name}{i}": one for i, one in enumerate(values)}
    return ", ".join(f":{one}" for one in bound), bound
