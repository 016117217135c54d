"""The model's input made of checked rows: one array, or one DataFrame."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from jupyter_mlops.scoring.schema import Row, TableSchema

Array = np.ndarray[Any, Any]
_PACKED: Final = {"float64": "d", "int64": "q", "int32": "i"}
"""How numbers of Python become bytes; not those of float32, where numpy rounds what does not fit to infinity."""


@dataclass(frozen=True, kw_only=True)
class Assembler:
    """Makes the same input of rows, and of columns as arrays (of Arrow streams), in the schema's order."""

    rows: Callable[[list[Row]], Any]
    columns: Callable[[Sequence[Array]], Any]


def arrays(dtype: str, n_columns: int) -> Assembler:
    """Return what makes an array of shape (rows, columns); null becomes NaN."""
    pack = struct.Struct(f"={n_columns}{_PACKED[dtype]}").pack if dtype in _PACKED else None

    def by_row(rows: list[Row]) -> Array:
        if not rows:
            return np.empty((0, n_columns), dtype)
        if pack is not None:
            try:  # a third of the time that numpy takes, which asks each value what it is
                return np.frombuffer(bytearray().join([pack(*row) for row in rows]), dtype).reshape(-1, n_columns)
            except (struct.error, OverflowError):
                pass  # null, or a value that numpy knows how to round
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
