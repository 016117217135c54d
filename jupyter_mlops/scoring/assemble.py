"""The model's input made of checked rows: one array, or one DataFrame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jupyter_mlops.scoring.schema import Row, TableSchema


def arrays(dtype: str, n_columns: int) -> Callable[[list[Row]], np.ndarray[Any, Any]]:
    """Return a function that makes an array of shape (rows, columns); null becomes NaN."""

    def assemble(rows: list[Row]) -> np.ndarray[Any, Any]:
        if not rows:
            return np.empty((0, n_columns), dtype)
        try:
            return np.array(rows, dtype)
        except TypeError:
            return np.array(rows, np.float64)  # null in an optional column of whole numbers

    return assemble


def frames(table: TableSchema) -> Callable[[list[Row]], Any]:
    """Return a function that makes a DataFrame with the schema's names and dtypes."""
    import pandas as pd

    def column(values: list[Any], dtype: str) -> Any:
        if dtype != "object" or not values:
            try:
                return pd.Series(values, dtype=dtype)
            except (TypeError, ValueError):
                pass  # null among whole numbers, or times with zones: pandas knows a dtype that holds them
        return pd.Series(values)

    dtypes = [kind.dtype for kind in table.kinds]

    def assemble(rows: list[Row]) -> Any:
        lists = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in dtypes]
        return pd.DataFrame(
            {name: column(values, dtype) for name, values, dtype in zip(table.names, lists, dtypes, strict=True)}
        )

    return assemble


def any_frame(content: Any) -> Any:
    """Return a DataFrame of a list of objects, or of lists by column."""
    import pandas as pd

    return pd.DataFrame(content)
