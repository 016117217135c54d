"""Arrow streams in and out: columns of many rows, as a whole and without a Python object for each value."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.manifest import Column
from jupyter_mlops.scoring.codec import ARROW, BadBody, UnsupportedMediaType
from jupyter_mlops.scoring.schema import Kind, SchemaMismatch, short

if TYPE_CHECKING:
    import pyarrow as pa

    from jupyter_mlops.scoring.tensors import Array

ROWS_PER_BYTE: Final = 8
"""A truth takes one bit, and nothing less; a stream that names more rows than this would only fill the memory."""
BATCHES: Final = {"dictionary": 1, "record batch": 0}
"""Messages with values, and the field of their header in which the record batch stands (0: it is the header)."""
FLOATS: Final = {"float": "float", "double": "double"}
"""Columns of the schema that may hold NaN, and Arrow's names of their types."""
TABLE: Final = 2
"""The dimensions of one."""
COMPRESSION: Final = 3
"""This field of a record batch says how it is compressed (Arrow's Message.fbs)."""


def is_here() -> bool:
    """Tell whether this image has pyarrow."""
    return importlib.util.find_spec("pyarrow") is not None


def read(body: bytes) -> dict[str, pa.ChunkedArray]:
    """Return the columns of an Arrow stream by name. Raises ``BadBody``, ``SchemaMismatch`` and ``UnsupportedMediaType``."""
    if not is_here():
        raise UnsupportedMediaType(
            "Arrow streams are not read here: this image has no pyarrow.",
            hint="Send JSON or CSV, or add pyarrow to the model's requirements and make a new manifest.",
        )
    import pyarrow as pa

    if not body:
        raise BadBody("The body is empty.", hint=f"Send an Arrow IPC stream as {ARROW}.")
    try:
        for message in pa.ipc.MessageReader.open_stream(body):
            if _compressed(message):
                raise BadBody("The Arrow stream is compressed.", hint="Write it without compression.")
        table = pa.ipc.open_stream(body).read_all()
        table.validate(full=True)  # its offsets and lengths come from outside: unchecked, they may point anywhere
    except (pa.ArrowException, OSError, struct.error, ValueError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadBody(
            f"The body is not an Arrow stream: {told}.", hint=f"Send an Arrow IPC stream as {ARROW}."
        ) from error
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise BadBody(f"The Arrow stream names the column {short(twice)} twice.", hint="Name each column once.")
    if table.num_rows > ROWS_PER_BYTE * len(body):
        raise BadBody(f"The Arrow stream names {table.num_rows} rows, which it does not hold.")
    return {name: _plain(name, column) for name, column in zip(names, table.columns, strict=True)}


def _compressed(message: pa.Message) -> bool:
    """Tell whether a message is compressed, which pyarrow does not say: a small body could then fill the memory."""
    if message.type not in BATCHES:
        return False
    data = memoryview(message.metadata)
    (root,) = struct.unpack_from("<I", data)
    batch = _field(data, root, 2)
    if BATCHES[message.type]:
        batch = _field(data, batch, BATCHES[message.type])
    return _field(data, batch, COMPRESSION) != 0


def _field(data: memoryview, table: int, number: int) -> int:
    """Return the place of the table that a flatbuffer's table refers to by a field, 0 where it has none."""
    if not table:
        return 0
    vtable = table - struct.unpack_from("<i", data, table)[0]
    at = 4 + 2 * number
    if at >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    (offset,) = struct.unpack_from("<H", data, vtable + at)
    return table + offset + struct.unpack_from("<I", data, table + offset)[0] if offset else 0


def _plain(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of a type that a request's column may have, times in microseconds. Raises ``SchemaMismatch``."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_primitive(kind) or _is_bytes(kind) or pa.types.is_null(kind) or pa.types.is_decimal(kind)):
        raise SchemaMismatch(
            f"Column {short(name)} is {str(column.type)[:60]} in the Arrow stream, which is not read here.",
            hint="Send numbers, truths, strings, bytes or times.",
            column=name[:60],
        )
    if pa.types.is_timestamp(kind) and column.type == kind:
        try:
            return column.cast(pa.timestamp("us", kind.tz), safe=kind.unit != "ns")
        except pa.ArrowInvalid as error:
            raise SchemaMismatch(f"Column {short(name)} has times that do not fit.", column=name[:60]) from error
    return column


def _is_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    types = pa.types
    known = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    return any(test(kind) for test in known)


def values(columns: Mapping[str, pa.ChunkedArray]) -> dict[str, list[Any]]:
    """Return columns as lists of Python's values. Raises ``SchemaMismatch``."""
    import pyarrow as pa

    lists = {}
    for name, column in columns.items():
        try:
            lists[name] = list(_spread(column)) if pa.types.is_dictionary(column.type) else column.to_pylist()
        except (OverflowError, ValueError) as error:  # Python's times end in the year 9999, Arrow's do not
            raise SchemaMismatch(f"Column {short(name)} has values that do not fit.", column=name[:60]) from error
    return lists


def _spread(column: pa.ChunkedArray) -> Iterator[Any]:
    """Give the values of a dictionary's column; each is one object, however often it stands there."""
    for chunk in column.chunks:
        known = chunk.dictionary.to_pylist()
        for index in chunk.indices.to_pylist():
            yield None if index is None else known[index]


def fitted(column: pa.ChunkedArray | None, wanted: Column, kind: Kind) -> Array | None:
    """Return a column's values as numpy has them for the schema's type.

    ``None`` where that is not so simple: values that do not fit, nulls where none may be, other types.
    """
    import numpy as np
    import pyarrow as pa

    if column is None or (column.null_count and wanted.type not in FLOATS) or not _alike(column.type, wanted):
        return None
    try:
        if wanted.type in FLOATS:
            column = column.cast(FLOATS[wanted.type], safe=False)
        elif wanted.type in {"integer", "long"}:
            column = column.cast(kind.dtype)
    except pa.ArrowInvalid:
        return None  # a fraction, or too large
    array: Array = column.to_numpy()
    if wanted.type in FLOATS and not (np.isfinite(array) | (np.isnan(array) & kind.empty)).all():
        return None
    return array


def _alike(given: pa.DataType, wanted: Column) -> bool:
    import pyarrow as pa

    types = pa.types
    if wanted.type in {"float", "double", "integer", "long"}:
        alike = types.is_integer(given) or types.is_floating(given)
    elif wanted.type == "boolean":
        alike = types.is_boolean(given)
    elif wanted.type == "string":
        alike = types.is_string(given) or types.is_large_string(given)
    else:
        alike = wanted.type == "datetime" and types.is_timestamp(given) and given.tz is None
    return bool(alike)


def write(output: Any, model: str) -> bytes | None:
    """Return an output as an Arrow stream, ``None`` where it has no form as rows and columns.

    One value per row becomes the column ``predictions``, and the schema's metadata then say ``mlops.form``: ``values``; it
    is ``matrix`` where columns have no names but their numbers.
    """
    import pyarrow as pa

    metadata = {"mlops.model": model}
    try:
        if hasattr(output, "columns") and hasattr(output, "iloc"):
            table = pa.Table.from_pandas(output.rename(columns=str), preserve_index=False)
        elif isinstance(output, dict):
            table = pa.table({str(name): _column(values) for name, values in output.items()})
        elif getattr(output, "ndim", 1) == TABLE:
            table = pa.table({str(at): _column(values) for at, values in enumerate(output.T)})
            metadata["mlops.form"] = "matrix"
        elif isinstance(output, list) and output and isinstance(output[0], dict):
            table = pa.Table.from_pylist(output)
        else:
            table = pa.table({"predictions": _column(output)})
            metadata["mlops.form"] = "values"
    except (pa.ArrowException, ValueError, TypeError):
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.with_metadata(metadata)) as writer:
        writer.write_table(table.replace_schema_metadata(metadata))
    return bytes(sink.getvalue())


def _column(values: Any) -> pa.Array:
    """Return a column. Raises ``ValueError`` for what is not one value after the other."""
    import pyarrow as pa

    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise ValueError
    return pa.array(values)
