"""Requests taken apart: one line for each row that was scored, whatever form its request came in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.ports import World
from jupyter_mlops.scoring.codec import ENVELOPES
from jupyter_mlops.scoring.hiding import TENSOR

if TYPE_CHECKING:
    import pandas as pd

INPUT = "input."
"""How the columns of features are called: ``input.age``."""
OUTPUT = "prediction"


def by_row(world: World, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a line for each scored row: what is known of its request, ``input.COLUMN``s and ``prediction``.

    A request that has no rows (any JSON for a script) stays one line, with its ``inputs`` and ``outputs``.
    """
    import pandas as pd

    names = {manifest: _columns(world, manifest) for manifest in frame["manifest"].unique()}
    lines: list[dict[str, Any]] = []
    for request in frame.to_dict("records"):
        body, answer = request.pop("inputs"), request.pop("outputs")
        inputs = rows_of(body, names[request["manifest"]])
        if inputs is None:
            lines.append({**request, "inputs": body, "outputs": answer})
            continue
        outputs = _predictions(answer, len(inputs))
        lines += [
            {**request, **{f"{INPUT}{name}": value for name, value in row.items()}, **output}
            for row, output in zip(inputs, outputs, strict=True)
        ]
    return pd.DataFrame(lines)


def rows_of(body: Any, columns: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return a body's rows by column, ``None`` when it has none. ``columns`` name those of rows without names."""
    if isinstance(body, str):
        return list(csv.DictReader(io.StringIO(body)))
    if isinstance(body, dict):
        return _of_object(body, columns)
    return _of_list(body, columns) if isinstance(body, list) and body else None


def _of_object(body: dict[str, Any], columns: Sequence[str]) -> list[dict[str, Any]] | None:
    names, data = body.get("columns"), body.get("data")
    if isinstance(names, list) and isinstance(data, list):
        return _placed(data, [str(name) for name in names])
    inside = [key for key in ENVELOPES if key in body and key not in columns]
    if len(inside) == 1:
        return rows_of(body[inside[0]], columns)
    if not any(isinstance(each, (list, dict)) for each in body.values()):
        return [body] if body else None
    return _of_columns(body)


def _of_list(body: list[Any], columns: Sequence[str]) -> list[dict[str, Any]] | None:
    if not all(isinstance(row, dict) for row in body):
        return _placed([row if isinstance(row, list) else [row] for row in body], columns)
    if all(row.keys() >= TENSOR for row in body):
        return _of_columns({row["name"]: row["data"] for row in body})
    return body


def _of_columns(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    values = list(body.values())
    if not all(isinstance(each, list) and len(each) == len(values[0]) for each in values):
        return None
    return [dict(zip(body, row, strict=True)) for row in zip(*values, strict=True)]


def _placed(rows: Sequence[Any], names: Sequence[str]) -> list[dict[str, Any]] | None:
    if any(not isinstance(row, list) for row in rows):
        return None
    width = max((len(row) for row in rows), default=0)
    if len(names) != width:
        names = [str(number) for number in range(width)]
    return [dict(zip(names, row, strict=False)) for row in rows]


def _predictions(answer: Any, n_rows: int) -> list[dict[str, Any]]:
    """Return what each row was answered with, in ``prediction`` or, where it has names, ``prediction.NAME``."""
    found = answer.get("predictions") if isinstance(answer, dict) else answer
    if isinstance(found, dict) and all(isinstance(each, list) and len(each) == n_rows for each in found.values()):
        found = [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
    if not isinstance(found, list) or len(found) != n_rows:
        return [{OUTPUT: found if n_rows == 1 else None} for _ in range(n_rows)]
    return [
        {f"{OUTPUT}.{name}": value for name, value in each.items()} if isinstance(each, dict) else {OUTPUT: each}
        for each in found
    ]


def _columns(world: World, manifest: str) -> list[str]:
    try:
        return [column.name for column in show_manifest(world, manifest).schema.columns]
    except MlopsError:
        return []  # it was deleted; its requests are still worth reading
