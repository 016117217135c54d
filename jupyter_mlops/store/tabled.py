"""What a table of runs is made of, by SQL: the columns that runs have, and what groups have measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from jupyter_mlops.core.run import Run
from jupyter_mlops.core.search import RUNS, RunQuery, found_in
from jupyter_mlops.core.table import FieldUse, Sampled, Samples
from jupyter_mlops.core.where import Field
from jupyter_mlops.store.conditions import Conditions
from jupyter_mlops.store.entities import LARGEST
from jupyter_mlops.store.names import read_keys
from jupyter_mlops.store.pages import condition_of
from jupyter_mlops.store.reading import Rows
from jupyter_mlops.store.runrows import BY_RUN, listed

NEWEST: Final = 2000
"""Runs whose columns are counted: at 100,000 runs, counting those of all takes seconds."""
_FEW: Final = 500
"""Runs whose metrics are asked for by their ids; those of more are picked from all values of the metric."""
_TABLES: Final = {"metrics": "latest_metrics", "params": "params", "tags": "tags"}


def read_columns(rows: Rows, experiments: Mapping[int, str]) -> list[FieldUse]:
    """Return the metrics, parameters and tags of the newest runs, each with how many have it, and then those of others."""
    scope = ", ".join(map(str, experiments)) or "NULL"
    where = f"r.lifecycle_stage = 'active' AND r.experiment_id IN ({scope})"
    newest = f"SELECT r.run_uuid FROM runs r WHERE {where} ORDER BY r.start_time DESC LIMIT {NEWEST}"  # noqa: S608  # names are ours
    n_runs = rows(f"SELECT COUNT(*) FROM (SELECT 1 FROM runs r WHERE {where} LIMIT {NEWEST + 1}) s")[0][0]  # noqa: S608  # the same
    found: list[FieldUse] = []
    for group, table in _TABLES.items():
        counted = f"SELECT x.key, COUNT(*) FROM {table} x WHERE x.run_uuid IN ({newest}) GROUP BY x.key"  # noqa: S608  # the same
        uses = dict(rows(counted))
        known = [*uses, *(key for key in read_keys(rows, group) if key not in uses)] if n_runs > NEWEST else uses
        found += [FieldUse(field=str(Field(group, key)), n_runs=uses.get(key)) for key in known]
    return found


def read_samples(
    rows: Rows, query: RunQuery, by: Field, metrics: Sequence[str], experiments: Mapping[int, str]
) -> Sampled:
    """Return what the runs that match have measured, by their value in a field."""
    groups: dict[str | None, Samples] = {}
    if not experiments:
        return Sampled(groups=groups)
    sql = Conditions(sqlite=rows.sqlite, experiments=experiments)
    runs = f"SELECT r.run_uuid, {sql.value_of(by)} FROM runs r WHERE {condition_of(query, sql, experiments)}"  # noqa: S608  # names are ours, values are bound
    of_run: dict[str, Samples] = {}
    for run_id, value in rows(runs, sql.values):
        group = of_run[run_id] = groups.setdefault(value, Samples())
        group.n_runs += 1
    # Joining them in SQL took four times as long: for each run it looks the metric up.
    for key in metrics if of_run else ():
        for run_id, value, is_nan in _values(rows, key, of_run):
            if run_id in of_run:
                of_run[run_id].values.setdefault(key, []).append(_number(value, is_nan=is_nan))
    return Sampled(groups=groups)


def _values(rows: Rows, key: str, runs: Iterable[str]) -> list[tuple[Any, ...]]:
    ids = list(runs)
    if len(ids) > _FEW:
        return rows("SELECT run_uuid, value, is_nan FROM latest_metrics WHERE key = :key", {"key": key})
    some, values = listed(ids)
    table = f"latest_metrics {BY_RUN if rows.sqlite else ''}"
    return rows(
        f"SELECT run_uuid, value, is_nan FROM {table} WHERE key = :key AND run_uuid IN ({some})",  # noqa: S608  # names are ours, values are bound
        {"key": key, **values},
    )


def _number(stored: float, *, is_nan: bool) -> float:
    if is_nan:
        return math.nan
    return math.copysign(math.inf, stored) if abs(stored) == LARGEST else stored


def columns_among(runs: Sequence[Run]) -> list[FieldUse]:
    """Return what ``read_columns`` does, from runs that were fetched."""
    uses: dict[str, int] = {}
    for run in runs:
        for group, keys in (("metrics", run.metrics), ("params", run.params), ("tags", run.tags)):
            for key in keys:
                name = str(Field(group, key))
                uses[name] = uses.get(name, 0) + 1
    order = {group: at for at, group in enumerate(RUNS.groups)}
    names = sorted(uses, key=lambda name: (order[name.partition(".")[0]], name))
    return [FieldUse(field=name, n_runs=uses[name]) for name in names]


def samples_among(runs: Sequence[Run], by: Field, metrics: Sequence[str], note: str) -> Sampled:
    """Return what ``read_samples`` does, from runs that were fetched."""
    groups: dict[str | None, Samples] = {}
    for run in runs:
        value = found_in(run, by)
        group = groups.setdefault(value if isinstance(value, str) else None, Samples())
        group.n_runs += 1
        for key in metrics:
            if key in run.metrics:
                group.values.setdefault(key, []).append(float(run.metrics[key]))
    return Sampled(groups=groups, note=note)
