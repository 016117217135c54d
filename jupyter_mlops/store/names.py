"""Names that runs logged, and the values that they have: for who types a filter and wants to see what there is."""

from __future__ import annotations

from typing import Final

from jupyter_mlops.core.where import Field
from jupyter_mlops.store.reading import Rows

_TABLES: Final = {"metrics": "latest_metrics", "params": "params", "tags": "tags"}
_TAGS: Final = {"project": "mlops.project", "actor": "mlflow.user"}
"""A run's own fields that are tags in the store."""


def read_keys(rows: Rows, group: str) -> list[str]:
    """Return the names of all metrics, parameters or tags, a jump in the index for each."""
    table = _TABLES[group]
    jumps = (
        f"WITH RECURSIVE k(key) AS (SELECT MIN(key) FROM {table} UNION ALL "  # noqa: S608  # names are ours, values are bound
        f"SELECT (SELECT MIN(t.key) FROM {table} t WHERE t.key > k.key) FROM k WHERE k.key IS NOT NULL) "
        "SELECT key FROM k WHERE key IS NOT NULL"
    )
    return [str(key) for (key,) in rows(jumps)]


def read_values(rows: Rows, field: Field, start: str, most: int) -> list[str]:
    """Return the texts that runs have in a field and that begin with ``start``, those of most runs first.

    Of a run's own fields only those that few values are shared in: experiment, project and actor.
    """
    length = len(start)
    if not field.group and field.key == "experiment":
        sql = (
            "SELECT name FROM experiments WHERE lifecycle_stage = 'active' AND substr(name, 1, :length) = :start "
            "ORDER BY COALESCE(creation_time, 0) DESC LIMIT :most"
        )
        return [str(name) for (name,) in rows(sql, {"start": start, "length": length, "most": most})]
    table = "params" if field.group == "params" else "tags"
    key = field.key if field.group else _TAGS.get(field.key)
    if key is None or field.group == "metrics":
        return []
    sql = (
        f"SELECT value FROM {table} WHERE key = :key AND substr(value, 1, :length) = :start "  # noqa: S608  # names are ours, values are bound
        "GROUP BY value ORDER BY COUNT(*) DESC, value LIMIT :most"
    )
    found = rows(sql, {"key": key, "start": start, "length": length, "most": most})
    return [str(value) for (value,) in found if value]
