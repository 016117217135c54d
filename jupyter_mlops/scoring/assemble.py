"""The model's input made of checked rows: one array, or one DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jupyter_mlops.scoring.schema import Row, TableSchema

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Assembler:
    """Makes the same input of rows, and of columns as arrays (of Arrow streams), in the schema's order."""

    rows: Callable[[list[Row]], Any]
    columns: Callable[[Sequence[Array]], Any]


def arrays(dtype: str, n_columns: int) -> Assembler:
    """Return what makes an array of shape (rows, columns); null becomes NaN."""

    def by_row(rows: list[Row]) -> Array:
        if not rows:
            return np.empty((0, n_columns), dtype)
        try:
            return np.array(rows, dtype)
        except TypeError:
            return np.array(rows, np.float64)  # null in an optional column of whole numbers

    def by_column(columns: Sequence[Array]) -> Array:
        return np.column_stack(columns).astype(dtype, copy=False)

    return Assembler(rows=by_row, columns=by_column)


def frames(table: TableSchema) -> Assembler:
    """Return what makes a DataFrame with the schema's names and dtypes."""
    import pandas as pd

    def column(values: list[Any] | Array, dtype: str) -> Any:
        if dtype != "object" or not len(values):
            try:
                return pd.Series(values, dtype=dtype)
            except (TypeError, ValueError):
                pass  # null among whole numbers, or times with zones: pandas knows a dtype that holds them
        return pd.Series(values)

    dtypes = [kind.dtype for kind in table.kinds]

    def frame(columns: Sequence[list[Any] | Array]) -> Any:
        return pd.DataFrame(
            {name: column(values, dtype) for name, values, dtype in zip(table.names, columns, dtypes, strict=True)}
        )

    def by_row(rows: list[Row]) -> Any:
        return frame([list(values) for values in zip(*rows, strict=True)] or [[] for _ in dtypes])

    def by_column(columns: Sequence[Array]) -> Any:
        return frame([values.tolist() if values.dtype == object else values for values in columns])

    return Assembler(rows=by_row, columns=by_column)


def any_frame(content: Any) -> Any:
    """Return a DataFrame of a list of objects, or of lists by column."""
    import pandas as pd

    return pd.DataFrame(content)
