"""Pages of runs by SQL: some milliseconds at a hundred thousand runs, where MLflow's own search takes seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jupyter_mlops.core.ids import ExperimentId, RunId
from jupyter_mlops.core.run import Experiment, Run
from jupyter_mlops.core.search import VALUES, RunQuery
from jupyter_mlops.core.where import Compare, Field, Node, conditions_of, fields_of
from jupyter_mlops.store.conditions import Conditions
from jupyter_mlops.store.entities import stored_value
from jupyter_mlops.store.indexes import parent_tags
from jupyter_mlops.store.reading import Rows
from jupyter_mlops.store.runrows import BY_RUN, CHUNK, RUN_COLUMNS, complete, listed

_FIRST_VALUES: Final = 1000
_FIRST_RUNS: Final = 5000
"""Runs that are looked at for a page by a parameter before all are: most filters let more than one in fifty through."""


def read_experiments(rows: Rows, *, archived: bool = False) -> list[Experiment]:
    """Return the experiments that are not archived, or those that are, newest first, with how many runs each has."""
    stage = "deleted" if archived else "active"
    counts = dict(
        rows(
            "SELECT experiment_id, COUNT(*) FROM runs WHERE lifecycle_stage = :stage GROUP BY experiment_id",
            {"stage": stage},
        )
    )
    found = rows(
        "SELECT experiment_id, name, creation_time FROM experiments WHERE lifecycle_stage = :stage "
        "ORDER BY COALESCE(creation_time, 0) DESC, experiment_id",
        {"stage": stage},
    )
    return [_experiment(row, counts.get(row[0], 0), archived=archived) for row in found]


def read_experiment(rows: Rows, name: str) -> Experiment | None:
    """Return an experiment by name, also an archived one."""
    found = rows(
        "SELECT experiment_id, name, creation_time, lifecycle_stage FROM experiments WHERE name = :name", {"name": name}
    )
    if not found:
        return None
    *row, stage = found[0]
    count = "SELECT COUNT(*) FROM runs WHERE lifecycle_stage = :stage AND experiment_id = :id"
    return _experiment(row, rows(count, {"stage": stage, "id": row[0]})[0][0], archived=stage == "deleted")


def _experiment(row: Sequence[Any], n_runs: int, *, archived: bool) -> Experiment:
    number, name, created_ms = row
    return Experiment(
        id=ExperimentId(str(number)),
        name=name,
        n_runs=n_runs,
        created_at=(created_ms or 0) / 1000,
        archived=archived,
    )


def read_names(rows: Rows) -> dict[int, str]:
    """Return the experiments that are not archived, by number."""
    return dict(rows("SELECT experiment_id, name FROM experiments WHERE lifecycle_stage = 'active'"))


def read_page(rows: Rows, query: RunQuery, experiments: Mapping[int, str]) -> list[Run]:
    """Return the query's page and, if there is one, the first run behind it. ``experiments`` are those in scope."""
    if not experiments:
        return []
    search = _Search(rows, query, experiments)
    if query.order.field.group == "metrics":
        found = search.by_metric()
    else:
        found = search.by_first_values() or search.by_value()
    return complete(rows, found, experiments, keys=keys_of(query))


def keys_of(query: RunQuery) -> Mapping[str, list[str]] | None:
    """Return the metrics and parameters that a page has to have: those asked for, and those that it is about.

    A group is left out where all of it is wanted.
    """
    if query.columns is None:
        return None
    fields = [*query.columns, query.order.field, *fields_of(query.where)]
    groups = ("metrics",) if VALUES in fields else ("metrics", "params")
    return {group: sorted({one.key for one in fields if one.group == group}) for group in groups}


def count_children(rows: Rows, runs: Sequence[Run]) -> dict[RunId, int]:
    """Return how many children in their own experiment these runs have, those in the trash left out."""
    found: dict[RunId, int] = {}
    tags = parent_tags(rows, "t")
    for at in range(0, len(runs), CHUNK):
        ids, values = listed([run.id for run in runs[at : at + CHUNK]])
        found |= rows(
            f"SELECT t.value, COUNT(*) FROM {tags} CROSS JOIN runs r CROSS JOIN runs p "  # noqa: S608  # names are ours, values are bound
            f"WHERE t.key = 'mlflow.parentRunId' AND t.value IN ({ids}) AND r.run_uuid = t.run_uuid "
            "AND r.lifecycle_stage = 'active' AND p.run_uuid = t.value AND p.experiment_id = r.experiment_id GROUP BY t.value",
            values,
        )
    return found


def condition_of(query: RunQuery, sql: Conditions, experiments: Mapping[int, str]) -> str:
    """Return what a run ``r`` has to be for the query. ``experiments`` are those in scope."""
    scope = ", ".join(map(str, experiments))
    stage = f"lifecycle_stage = '{'deleted' if query.deleted else 'active'}'"
    found = f"r.{stage} AND r.experiment_id IN ({scope}) AND {sql.of(query.where)}"
    if not query.roots:
        return found
    parent = "x.key = 'mlflow.parentRunId' AND x.run_uuid = r.run_uuid AND p.run_uuid = x.value"
    listed = f"p.{stage} AND p.experiment_id = r.experiment_id"
    return f"{found} AND NOT EXISTS (SELECT 1 FROM tags x CROSS JOIN runs p WHERE {parent} AND {listed})"  # noqa: S608  # names are ours


def count_matching(rows: Rows, query: RunQuery, experiments: Mapping[int, str]) -> int:
    """Return how many runs the query's filter lets through, on all pages."""
    return _Search(rows, query, experiments).count() if experiments else 0


def count_by_experiment(
    rows: Rows, where: Node, experiments: Mapping[int, str], *, roots: bool = False
) -> dict[str, int]:
    """Return how many runs a filter lets through in each of these experiments that has any; with ``roots`` no children."""
    query = RunQuery(where=where, roots=roots)
    found = _Search(rows, query, experiments).count_by_experiment() if experiments else []
    return {experiments[number]: count for number, count in found}


@dataclass(frozen=True)
class RootState:
    """What has to change for other runs to be the roots."""

    parents: tuple[tuple[str, int], ...]
    """How many runs name each parent, those in the trash included: a run that is given another one changes two of these."""
    n_runs: tuple[tuple[int, str, int], ...]
    """By experiment and stage."""
    names: tuple[tuple[int, str], ...]


def root_state(rows: Rows) -> RootState:
    """Return what tells, in some milliseconds, whether the roots have to be counted anew."""
    tags = parent_tags(rows)
    parents = rows(f"SELECT value, COUNT(*) FROM {tags} WHERE key = 'mlflow.parentRunId' GROUP BY value")  # noqa: S608  # a name of ours
    runs = rows("SELECT experiment_id, lifecycle_stage, COUNT(*) FROM runs GROUP BY experiment_id, lifecycle_stage")
    return RootState(
        tuple(sorted(map(tuple, parents))), tuple(sorted(map(tuple, runs))), tuple(sorted(read_names(rows).items()))
    )


class _Search:
    """One query's SQL."""

    def __init__(self, rows: Rows, query: RunQuery, experiments: Mapping[int, str]) -> None:
        self._rows = rows
        self._query = query
        self._field = query.order.field
        self._down = "DESC" if query.order.descending else "ASC"
        self._sql = Conditions(sqlite=rows.sqlite, experiments=experiments)
        self._stage = f"r.lifecycle_stage = '{'deleted' if query.deleted else 'active'}'"
        self._musts = [one for one in conditions_of(query.where) if isinstance(one, Compare) and not _is_nan(one.value)]
        if query.roots and not _has_children(rows):
            query = replace(query, roots=False)
        self._where = condition_of(query, self._sql, experiments)

    def count(self) -> int:
        """Return how many runs there are on all pages."""
        return int(self._rows(f"SELECT COUNT(*) FROM {self._all()}", self._sql.values)[0][0])  # noqa: S608  # names are ours, values are bound

    def count_by_experiment(self) -> list[tuple[int, int]]:
        """Return the experiments that have any, each with how many there are on all pages."""
        counted = f"SELECT r.experiment_id, COUNT(*) FROM {self._all()} GROUP BY r.experiment_id"  # noqa: S608  # names are ours, values are bound
        return [(int(number), int(count)) for number, count in self._rows(counted, self._sql.values)]

    def _all(self) -> str:
        source = "runs r WHERE"
        bounds = [one for one in self._musts if one.field.group == "metrics"]
        if bounds and not self._is_recent():
            key, no = self._sql.bind(bounds[0].field.key), self._sql.bind(False)  # noqa: FBT003  # a column's value
            joined = "latest_metrics m CROSS JOIN runs r WHERE m.run_uuid = r.run_uuid"
            source = f"{joined} AND m.key = {key} AND m.is_nan = {no}{self._bounded(bounds[:1])} AND"
        return f"{source} {self._where}"

    def _bounded(self, bounds: Sequence[Compare]) -> str:
        return "".join(f" AND m.value {one.op} {self._sql.bind(stored_value(float(one.value)))}" for one in bounds)

    def _is_recent(self) -> bool:
        """Tell whether the filter is about a time in which few runs began, so that looking at these is quickest."""
        since = [one for one in self._musts if one.field.key == "started" and not one.field.group and "<" not in one.op]
        if not since or not self._rows.sqlite:
            return False
        began = " AND ".join(f"r.start_time {one.op} {self._sql.bind(one.value)}" for one in since)
        counted = f"SELECT 1 FROM runs r WHERE {self._stage} AND {began} LIMIT {_FIRST_RUNS + 1}"  # noqa: S608  # names are ours, values are bound
        return int(self._rows(f"SELECT COUNT(*) FROM ({counted})", self._sql.values)[0][0]) <= _FIRST_RUNS  # noqa: S608  # names are ours, values are bound

    def by_metric(self) -> list[tuple[Any, ...]]:
        """Return the runs with a value, then those with NaN, then those without the metric: each is one quick query."""
        key, nan, number = (self._sql.bind(value) for value in (self._field.key, True, False))
        bounds = [one for one in self._musts if one.field == self._field]
        tables = "latest_metrics m CROSS JOIN runs r"
        if self._is_recent():
            tables = f"runs r CROSS JOIN latest_metrics m {BY_RUN}"
        joined = f"{tables} WHERE m.run_uuid = r.run_uuid AND m.key = {key}{self._bounded(bounds)} AND m.is_nan ="
        without = f"NOT EXISTS (SELECT 1 FROM latest_metrics m WHERE m.run_uuid = r.run_uuid AND m.key = {key})"  # noqa: S608  # names are ours, values are bound
        parts = [
            (f"{joined} {number} AND {self._where}", f"m.value {self._down}, {self._newest()}"),
            (f"{joined} {nan} AND {self._where}", self._newest()),
            (f"runs r WHERE {without} AND {self._where}", self._newest()),
        ]
        if bounds:  # what is NaN or missing is not on either side of a number
            del parts[1:]
        skip, wanted = self._query.skip, self._query.limit + 1
        found: list[tuple[Any, ...]] = []
        for part, order in parts:
            some = self._select(part, order, wanted - len(found), skip)
            found += some
            if len(found) == wanted:
                break
            if some:
                skip = 0
            elif skip:
                skip = max(0, skip - int(self._rows(f"SELECT COUNT(*) FROM {part}", self._sql.values)[0][0]))  # noqa: S608  # names are ours, values are bound
        return found

    def by_first_values(self) -> list[tuple[Any, ...]]:
        """Return the runs by a parameter or a tag from those alone that have its first values; nothing if these do not fill the page.

        Telling for every run whether its text is a number takes the better part of a second at 100,000 runs; so it is
        told for every value, and then only the runs of the first ones are looked at.
        """
        if not self._field.group or not self._rows.sqlite:
            return []
        table, key = self._sql.place_of(self._field)
        number, text = self._sql.number("v"), f"CASE WHEN n IS NULL THEN v END {self._down}"
        order = f"n IS NULL, n {self._down}, {text}"
        counted = (
            f"SELECT value AS v, COUNT(*) AS c FROM {table} WHERE key = {key} AND value IS NOT NULL GROUP BY value"  # noqa: S608  # names are ours, values are bound
        )
        values = self._rows(
            f"SELECT v, n, c FROM (SELECT v, {number} AS n, c FROM ({counted})) ORDER BY {order} LIMIT {_FIRST_VALUES}",  # noqa: S608  # names are ours, values are bound
            self._sql.values,
        )
        first = ", ".join(map(self._sql.bind, _first(values, self._query.skip + _FIRST_RUNS)))
        inner = (
            f"(SELECT r.*, x.value AS v, {self._sql.number('x.value')} AS n FROM {table} x CROSS JOIN runs r "  # noqa: S608  # names are ours, values are bound
            f"WHERE r.run_uuid = x.run_uuid AND x.key = {key} AND x.value IN ({first}) AND {self._where}) r"
        )
        wanted = self._query.limit + 1
        found = self._select(inner, f"{order}, {self._newest()}", wanted, self._query.skip)
        return found if len(found) == wanted else []

    def by_value(self) -> list[tuple[Any, ...]]:
        """Return the runs by an attribute, a parameter or a tag: numbers first, then texts, then nothing."""
        wanted = self._query.limit + 1
        if self._field.key == "started" and not self._field.group:
            order = f"r.start_time {self._down}{self._last()}, r.run_uuid"
            # An index tells the ids alone, so that a page far down does not read each row before it.
            ids = f"SELECT r.run_uuid AS id FROM runs r WHERE {self._where} ORDER BY {order}"  # noqa: S608  # names are ours, values are bound
            page = f"({ids} LIMIT {wanted} OFFSET {self._query.skip}) page"
            return self._select(f"{page} CROSS JOIN runs r WHERE r.run_uuid = page.id", order, wanted, 0)
        value = self._sql.value_of(self._field)
        inner = f"(SELECT r.*, {value} AS v FROM runs r WHERE {self._where}) r"  # noqa: S608  # names are ours, values are bound
        if self._field.kind == "any":
            inner = f"(SELECT r.*, {self._sql.number('r.v')} AS n FROM {inner}) r"  # noqa: S608  # names are ours, values are bound
            texts = f"CASE WHEN r.n IS NULL THEN {self._sql.text('r.v')} END {self._down}"
            order = f"r.v IS NULL, r.n IS NULL, r.n {self._down}, {texts}"
        else:
            is_text = self._field.kind in {"text", "status"}
            order = f"r.v IS NULL, {self._sql.text('r.v') if is_text else 'r.v'} {self._down}"
        return self._select(inner, f"{order}, {self._newest()}", wanted, self._query.skip)

    def _select(self, source: str, order: str, limit: int, skip: int) -> list[tuple[Any, ...]]:
        page = f"LIMIT {limit} OFFSET {skip}"
        return self._rows(f"SELECT {RUN_COLUMNS} FROM {source} ORDER BY {order} {page}", self._sql.values)  # noqa: S608  # names are ours, values are bound

    def _newest(self) -> str:
        return f"r.start_time DESC{self._last()}, r.run_uuid"

    def _last(self) -> str:
        """Return what keeps a missing time at the end where the database would begin with it."""
        return "" if self._rows.sqlite and self._down == "DESC" else " NULLS LAST"


def _has_children(rows: Rows) -> bool:
    """Tell whether any run names a parent: to ask each run takes as long again as to list it."""
    return bool(rows("SELECT 1 FROM tags WHERE key = 'mlflow.parentRunId' LIMIT 1"))


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _first(values: Sequence[tuple[str, float | None, int]], n_runs: int) -> list[str]:
    """Return the first of a page of values that so many runs have; of values that are equal as numbers, all or none."""
    found: list[str] = []
    for i, (value, number, count) in enumerate(values):
        if n_runs <= 0 and (number is None or number != values[i - 1][1]):
            return found
        found.append(value)
        n_runs -= count
    if len(values) < _FIRST_VALUES:
        return found
    last = values[-1][1]
    return [value for value, number, _ in values if last is None or number != last]


def read_run(rows: Rows, ref: str, by: str, *, deleted: bool = False) -> list[Run]:
    """Return up to two runs, newest first, ``by`` ``id``, ``prefix`` of it or ``name``: active ones, or deleted ones.

    Runs of an archived experiment are deleted ones. By its whole id, an active run that was asked for may be either.
    """
    stage = "" if by == "id" and not deleted else " AND r.lifecycle_stage = :stage"
    where = {"id": "r.run_uuid = :ref", "prefix": "r.run_uuid >= :ref AND r.run_uuid < :end", "name": "r.name = :ref"}[
        by
    ]
    values = {"ref": ref, "end": f"{ref}g", "stage": "deleted" if deleted else "active"}
    found = rows(f"SELECT {RUN_COLUMNS} FROM runs r WHERE {where}{stage} ORDER BY r.start_time DESC LIMIT 2", values)  # noqa: S608  # names are ours, values are bound
    names = dict(rows("SELECT experiment_id, name FROM experiments")) if found else {}
    return complete(rows, found, names)


def has_runs(rows: Rows, experiments: Mapping[int, str]) -> bool:
    """Tell whether these experiments have any run."""
    scope = ", ".join(map(str, experiments)) or "NULL"
    found = rows(f"SELECT 1 FROM runs r WHERE r.lifecycle_stage = 'active' AND r.experiment_id IN ({scope}) LIMIT 1")  # noqa: S608  # names are ours, values are bound
    return bool(found)


def is_used(rows: Rows, field: Field, experiments: Mapping[int, str]) -> bool:
    """Tell whether any run of these experiments has the metric or parameter."""
    table = {"metrics": "latest_metrics", "params": "params"}[field.group]
    scope = ", ".join(map(str, experiments)) or "NULL"
    found = rows(
        f"SELECT 1 FROM {table} x JOIN runs r ON r.run_uuid = x.run_uuid "  # noqa: S608  # names are ours, values are bound
        f"WHERE x.key = :key AND r.lifecycle_stage = 'active' AND r.experiment_id IN ({scope}) LIMIT 1",
        {"key": field.key},
    )
    return bool(found)
