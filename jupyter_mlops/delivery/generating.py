"""Making a schema of what a model is given and answers: the types and shapes of data at hand, and a few rows as the sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jupyter_mlops.core.errors import BadInput, MlopsError
from jupyter_mlops.core.manifest import Column, ColumnType, Schema, Tensor
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.delivery.consuming import asked
from jupyter_mlops.delivery.schemas import SAMPLE_ROWS, check_sample
from jupyter_mlops.scoring.schema import INT32, INT64

_MANY: Final = 10_000
"""Of rows with more values than this, the sample has one."""
_WIDE: Final = 4
"""Bytes of an ``integer`` and a ``float``."""
_HINT: Final = "Give a DataFrame, an array, a dict of arrays (named inputs), rows as dicts or lists, or columns as a dict of lists."


class NoSchema(BadInput):
    """Data of which no schema can be made."""

    code = "no-schema"


class WrittenSchema(Schema, frozen=True, kw_only=True):
    """A schema with a request that fits it, as ``schema.json`` holds both."""

    sample: Any = None


def schema_of(inputs: Any, outputs: Any = None) -> WrittenSchema:
    """Return the schema of example inputs and outputs, and a sample of their first rows.

    Each is a DataFrame or Series, an array, a dict of arrays, rows (dicts or lists) or columns (a dict of lists). Raises
    ``NoSchema``, which names the column or input that has no type.
    """
    given, answered = _normal(inputs, "inputs"), None if outputs is None else _normal(outputs, "outputs")
    columns, tensors = _described(given, "inputs")
    output_columns, output_tensors = ([], []) if answered is None else _described(answered, "outputs")
    schema = Schema(columns=columns, tensors=tensors, output_columns=output_columns, output_tensors=output_tensors)
    sample = decode(asked(_few(given)).body, object)
    try:
        check_sample(schema, sample)
    except MlopsError as error:
        raise NoSchema(f"The inputs do not fit a schema: {error.message}", hint=_HINT) from error
    return WrittenSchema(
        columns=columns, tensors=tensors, output_columns=output_columns, output_tensors=output_tensors, sample=sample
    )


def written(schema: WrittenSchema) -> bytes:
    """Return what ``schema.json`` holds; members that say nothing are left out."""
    import json

    members = {name: value for name, value in decode(encode(schema), dict).items() if value not in ([], None)}
    return json.dumps(members, indent=2).encode() + b"\n"


def _normal(data: Any, what: str) -> Any:
    """Return data as a DataFrame, an array, or a dict of arrays. Raises ``NoSchema``."""
    import numpy as np
    import pandas as pd

    if hasattr(data, "to_pandas"):
        data = data.to_pandas()
    if isinstance(data, pd.Series):
        data = data.to_frame("" if data.name is None else str(data.name))
    if isinstance(data, pd.DataFrame):
        return data.rename(columns=str)
    if isinstance(data, Mapping) and data:
        if any(hasattr(values, "__array__") for values in data.values()):
            return {str(name): np.asarray(values) for name, values in data.items()}
        return _frame(data if _are_lists(data.values()) else [data], what)
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)) and data:
        return _frame(data, what) if isinstance(data[0], Mapping) else _array(data, what)
    if hasattr(data, "__array__"):
        return np.asarray(data)
    raise NoSchema(f"A {type(data).__name__} as {what} says nothing of its columns or shape.", hint=_HINT)


def _are_lists(values: Any) -> bool:
    return all(isinstance(each, (list, tuple)) for each in values)


def _frame(data: Any, what: str) -> Any:
    import pandas as pd

    try:
        return pd.DataFrame(data).rename(columns=str)
    except (ValueError, TypeError, AttributeError) as error:
        raise NoSchema(f"The {what} are no table: {error}.", hint=_HINT) from error


def _array(data: Any, what: str) -> Any:
    import numpy as np

    try:
        return np.array(data)
    except ValueError as error:
        raise NoSchema(f"The {what} are lists of different lengths.", hint=_HINT) from error


def _described(data: Any, what: str) -> tuple[list[Column], list[Tensor]]:
    """Return columns or tensors; one of the two is empty."""
    if hasattr(data, "columns"):
        names = list(data.columns)
        if len(set(names)) < len(names) or not names:
            twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
            raise NoSchema(f"The {what} have " + (f"two columns {twice!r}." if names else "no columns."), hint=_HINT)
        return [_column(name, data[name]) for name in names], []
    arrays = data.items() if isinstance(data, dict) else [("", data)]
    return [], [_tensor(name, array, what) for name, array in arrays]


def _column(name: str, values: Any) -> Column:
    """Return a column's type. One that has gaps, and whose type has no word for them, may be left out."""
    gaps = bool(values.isna().any())
    kind = _kind(values.cat.categories if str(values.dtype) == "category" else values, name)
    solid = kind in {"boolean", "integer", "long", "datetime", "binary"}
    return Column(name=name, type=kind, required=not (gaps and solid))


def _kind(values: Any, name: str) -> ColumnType:
    letter = values.dtype.kind
    if letter in "iu":
        known = values.dropna()
        if len(known) and int(known.max()) >= INT64:
            raise NoSchema(f"Column {name!r} has whole numbers of more than 63 bits.", hint="Give them as strings.")
        small = values.dtype.itemsize <= _WIDE and (letter == "i" or values.dtype.itemsize < _WIDE)
        assert not small or not len(known) or int(known.max()) < INT32
        return "integer" if small else "long"
    if letter == "f":
        return "float" if values.dtype.itemsize <= _WIDE else "double"
    simple: dict[str, ColumnType] = {"b": "boolean", "M": "datetime"}
    return simple[letter] if letter in simple else _kind_of_objects(values, name)


def _kind_of_objects(values: Any, name: str) -> ColumnType:
    """Return the type of a column of Python's objects (or of pandas' own strings). Raises ``NoSchema``."""
    import datetime as dt

    kinds: dict[type, ColumnType] = {
        str: "string",
        bytes: "binary",
        bool: "boolean",
        int: "long",
        float: "double",
        dt.datetime: "datetime",
        dt.date: "datetime",
    }
    known = list(values.dropna())
    for kind, called in kinds.items():
        if known and all(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) for value in known):
            return called
    if known and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        return "double"
    if all(isinstance(value, (str, int, float, bool, list, dict)) for value in known):
        return "any"
    odd = next(value for value in known if not isinstance(value, (str, int, float, bool, list, dict)))
    raise NoSchema(f"Column {name!r} holds a {type(odd).__name__}, which no request can.", hint=_HINT)


def _tensor(name: str, array: Any, what: str) -> Tensor:
    called = f"Input {name!r}" if name else f"The array of {what}"
    if not array.ndim:
        raise NoSchema(f"{called} is one value.", hint="Its first dimension must be the rows: `np.array([value])`.")
    dtype = "str" if array.dtype.kind in "UT" else str(array.dtype)
    if array.dtype.kind not in "biufUTO" or (array.dtype == object and not all(isinstance(v, str) for v in array.flat)):
        raise NoSchema(f"{called} is {array.dtype}, which no request can hold.", hint=_HINT)
    return Tensor(name=name, dtype="str" if array.dtype == object else dtype, shape=[-1, *array.shape[1:]])


def _few(data: Any) -> Any:
    if isinstance(data, dict):
        n = SAMPLE_ROWS if sum(array.size for array in data.values()) < _MANY else 1
        return {name: array[:n] for name, array in data.items()}
    return data[: SAMPLE_ROWS if data[:SAMPLE_ROWS].size < _MANY else 1]
