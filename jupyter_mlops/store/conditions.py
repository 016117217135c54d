"""A ``--where`` as SQL over MLflow's tables, for SQLite and PostgreSQL alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from jupyter_mlops.core.search import VALUES
from jupyter_mlops.core.where import LONGEST_NUMBER, NUMBER, And, Compare, Field, Node, Not, Null, Or, compare
from jupyter_mlops.store.entities import stored_value

_COLUMNS: Final = {
    "status": "r.status",
    "name": "COALESCE(NULLIF(r.name, ''), substr(r.run_uuid, 1, 8))",
    "id": "r.run_uuid",
    "run": "r.run_uuid",
    "started": "NULLIF(r.start_time, 0)",
    "ended": "NULLIF(r.end_time, 0)",
    "duration": "CASE WHEN r.end_time < r.start_time THEN 0 ELSE NULLIF(r.end_time, 0) - r.start_time END",
}
_IN_TAGS: Final = {"project": "mlops.project", "actor": "mlflow.user", "parent": "mlflow.parentRunId"}
_TABLES: Final = {"metrics": "latest_metrics", "params": "params", "tags": "tags"}


class Conditions:
    """Turns filters on runs (``runs r``) into SQL; ``values`` grows with what is bound."""

    def __init__(self, *, sqlite: bool, experiments: Mapping[int, str]) -> None:
        self.sqlite = sqlite
        self.values: dict[str, Any] = {}
        self._experiments = experiments

    def bind(self, value: object) -> str:
        """Return the placeholder of a value."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def number(self, text: str) -> str:
        """Return the SQL of the number that a text reads as, else null."""
        if self.sqlite:
            return f"mlops_number({text})"
        readable = f"length({text}) <= {LONGEST_NUMBER} AND {text} ~ '{NUMBER}'"
        return f"CASE WHEN {readable} THEN CAST({text} AS double precision) END"

    def text(self, text: str) -> str:
        """Return the SQL of a text that compares by its characters' numbers, as SQLite's does."""
        return text if self.sqlite else f'{text} COLLATE "C"'

    def of(self, node: Node) -> str:
        """Return a filter as a condition that is never null."""
        match node:
            case And(parts):
                return f"({' AND '.join(map(self.of, parts)) or '1 = 1'})"
            case Or(parts):
                return f"({' OR '.join(map(self.of, parts)) or '1 = 0'})"
            case Not(part):
                return f"NOT {self.of(part)}"
            case Null(field):
                return self._null(field)
            case Compare():
                return self._comparison(node)

    def _comparison(self, node: Compare) -> str:
        field = node.field
        if field.group or field.key in _IN_TAGS:
            return self._exists(field, self._compare(field, node, "x.value"))
        if field.key == "experiment":
            names = self._experiments.items()
            return self._in([one for one, name in names if compare(name, node.op, node.value)])
        if field == VALUES:
            return self._in_values(str(node.value))
        column = _COLUMNS[field.key]
        if field.key == "started":  # in words for which our index by time serves
            filled = "r.start_time IS NOT NULL AND r.start_time <> 0"
            return f"({filled} AND {self._compare(field, node, 'r.start_time')})"
        return f"({column} IS NOT NULL AND {self._compare(field, node, column)})"

    def _in_values(self, pattern: str) -> str:
        """Return the condition that a pattern is in a parameter or in a tag that a person set: each table is read once."""
        bound = self.bind(pattern)
        # SQLite's own LIKE folds ASCII alone, and is ten times as fast as a function of ours.
        like = "x.value LIKE {}" if pattern.isascii() else "mlops_ilike(x.value, {})"
        found = like.format(bound) if self.sqlite else f"x.value ILIKE {bound} ESCAPE ''"
        own = "substr(x.key, 1, 7) <> 'mlflow.' AND substr(x.key, 1, 6) <> 'mlops.'"
        params = f"SELECT x.run_uuid FROM params x WHERE {found}"  # noqa: S608  # values are bound
        return f"r.run_uuid IN ({params} UNION ALL SELECT x.run_uuid FROM tags x WHERE {own} AND {found})"  # noqa: S608  # the same

    def value_of(self, field: Field) -> str:
        """Return the SQL of what a run has in a field other than a metric, null where it has nothing."""
        if field.key == "experiment" and not field.group:
            return "(SELECT e.name FROM experiments e WHERE e.experiment_id = r.experiment_id)"
        if not field.group and field.key in _COLUMNS:
            return f"({_COLUMNS[field.key]})"
        table, key = self.place_of(field)
        value = "x.value" if field.group else "NULLIF(x.value, '')"
        return f"(SELECT {value} FROM {table} x WHERE x.key = {key} AND x.run_uuid = r.run_uuid)"  # noqa: S608  # names are ours, values are bound

    def _null(self, field: Field) -> str:
        if field.group or field.key in _IN_TAGS:
            return f"NOT {self._exists(field, '1 = 1')}"
        return "1 = 0" if field.key == "experiment" else f"{_COLUMNS[field.key]} IS NULL"

    def _in(self, experiments: list[int]) -> str:
        return f"r.experiment_id IN ({', '.join(map(str, experiments))})" if experiments else "1 = 0"

    def place_of(self, field: Field) -> tuple[str, str]:
        """Return the table that a key is in and the placeholder of the key."""
        return (
            _TABLES[field.group] if field.group else "tags",
            self.bind(field.key if field.group else _IN_TAGS[field.key]),
        )

    def _exists(self, field: Field, condition: str) -> str:
        table, key = self.place_of(field)
        filled = "" if field.group else " AND x.value <> ''"
        mine = f"x.key = {key} AND x.run_uuid = r.run_uuid{filled}"
        return f"EXISTS (SELECT 1 FROM {table} x WHERE {mine} AND {condition})"  # noqa: S608  # values are bound

    def _compare(self, field: Field, node: Compare, column: str) -> str:
        value = node.value
        if isinstance(value, str):
            if node.op in {"like", "ilike"}:
                pattern = self.bind(value)
                ours = f"mlops_{node.op}({column}, {pattern})"
                return ours if self.sqlite else f"{column} {node.op.upper()} {pattern} ESCAPE ''"
            return f"{self.text(column)} {node.op} {self.bind(value)}"
        if math.isnan(value):
            is_nan = field.kind == "number" and node.op in {"=", "<=", ">="}
            return f"x.is_nan = {self.bind(True)}" if is_nan else "1 = 0"  # noqa: FBT003  # a column's value
        if field.kind == "any":
            number = self.number(column)
            return f"({number} IS NOT NULL AND {number} {node.op} {self.bind(float(value))})"
        if field.kind == "number":
            return f"x.is_nan = {self.bind(False)} AND x.value {node.op} {self.bind(stored_value(value))}"  # noqa: FBT003  # the same
        column = column if field.key == "started" else f"({column})"
        return f"{column} {node.op} {self.bind(value)}"
