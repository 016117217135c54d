"""What a model takes: each request's body becomes data that can be joined into one batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from jupyter_mlops.core.manifest import Schema
from jupyter_mlops.scoring import codec
from jupyter_mlops.scoring.decoder import RowDecoder
from jupyter_mlops.scoring.schema import Row, SchemaMismatch, TableSchema, shown

if TYPE_CHECKING:
    from jupyter_mlops.scoring.assemble import Assembler  # numpy: an image with a script alone may have none
    from jupyter_mlops.scoring.tensors import Array, Arrays


class Intake(Protocol):
    """Reads bodies of one schema. ``read*`` return the request's data and its number of rows, or raise ``MlopsError``."""

    joins: bool
    """Whether the data of several requests can be one input."""

    def read(self, body: bytes, media: str) -> tuple[Any, int]:
        """Read a body of a media type: ``json``, ``csv``, ``arrow``, or ``bytes`` (an image, or any other)."""

    def read_tensors(self, tensors: Arrays) -> tuple[Any, int]:
        """Read named tensors, as the Open Inference Protocol sends them."""

    def join(self, data: Sequence[Any]) -> Any:
        """Return the model's input for the data of one or several requests."""


class Columns:
    """Many rows as one array per column; iterated, they are rows as of any other request."""

    __slots__ = ("arrays",)

    def __init__(self, arrays: Sequence[Array]) -> None:
        self.arrays = arrays

    def __iter__(self) -> Iterator[Row]:
        return zip(*(values.tolist() for values in self.arrays), strict=True)


def only_bytes(table: TableSchema) -> None:
    """Raise ``UnsupportedMediaType`` unless a row is one value of bytes, which a body may be as it is."""
    if [column.type for column in table.columns] != ["binary"]:
        raise codec.UnsupportedMediaType(
            "The body is bytes, and this model takes rows of named columns.", hint="Send JSON, CSV or an Arrow stream."
        )


class TableIntake:
    """Rows of named columns. Data: a list of tuples in the schema's order, or ``Columns``."""

    joins = True

    def __init__(self, schema: Schema, assemble: Assembler) -> None:
        """``assemble`` makes the model's input, an array or a DataFrame."""
        self.table = TableSchema(schema.columns)
        self._assemble = assemble
        self._decoder = RowDecoder(self.table)

    def refuse_nan(self, names: Collection[str]) -> None:
        """Refuse null and NaN in columns of numbers from now on, with the words for where it stood."""
        self.table = TableSchema(self.table.columns, names)
        self._decoder = RowDecoder(self.table)

    def read(self, body: bytes, media: str) -> tuple[list[Row] | Columns, int]:
        """Read JSON in any of its forms, CSV, an Arrow stream, or the bytes of the only column."""
        if media == "json":
            rows = self._read_json(body)
        elif media == "csv":
            rows = codec.csv_rows(body, self.table)
        elif media == "arrow":
            return self._read_arrow(body)
        else:
            only_bytes(self.table)
            rows = [(body,)]
        return rows, len(rows)

    def read_tensors(self, tensors: Arrays) -> tuple[list[Row], int]:
        """Read one matrix whose columns are the schema's, or one tensor per column."""
        names = self.table.names
        if len(tensors) == 1 and set(tensors) != set(names):
            ((name, matrix),) = tensors.items()
            if not matrix.ndim:
                raise SchemaMismatch(f"Input {name[:60]!r} must hold rows; got one value.", column=name[:60])
            rows = self.table.from_rows(matrix.reshape(len(matrix), math.prod(matrix.shape[1:])).tolist())
        else:
            rows = self.table.from_columns({name: values.ravel().tolist() for name, values in tensors.items()})
        return rows, len(rows)

    def join(self, data: Sequence[list[Row] | Columns]) -> Any:
        """Put all rows into one input."""
        if len(data) == 1:
            only = data[0]
            return self._assemble.columns(only.arrays) if isinstance(only, Columns) else self._assemble.rows(only)
        return self._assemble.rows([row for rows in data for row in rows])

    def _read_arrow(self, body: bytes) -> tuple[list[Row] | Columns, int]:
        from jupyter_mlops.scoring import arrow

        given = arrow.read(body)
        if set(given).issuperset(self.table.names):
            arrays = [
                arrow.fitted(given.get(column.name), column, kind)
                for column, kind in zip(self.table.columns, self.table.kinds, strict=True)
            ]
            columns = [array for array in arrays if array is not None]
            if len(columns) == len(given):
                return Columns(columns), len(columns[0])
        # as with JSON: what is refused is read again value by value, by what finds the words for it
        rows = self.table.from_columns(arrow.values(given))
        return rows, len(rows)

    def _read_json(self, body: bytes) -> list[Row]:
        # The decoder made of the schema is quick and takes no more than the reader below; what it refuses
        # is read again there, which takes every form and finds the words for what is wrong.
        try:
            return self._decoder.rows(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return codec.table_rows(codec.read_json(body), self.table)


class LooseIntake:
    """Anything: for models without a schema. Data: what the model itself is given."""

    joins = False

    def __init__(self, frame: Callable[[Any], Any]) -> None:
        """``frame`` makes a DataFrame of objects, or of columns."""
        self._frame = frame

    def read(self, body: bytes, media: str) -> tuple[Any, int]:
        """Read named values as a DataFrame, and lists as an array."""
        if media == "bytes":
            raise codec.UnsupportedMediaType(
                "The body is bytes, and this model has no schema that says how they are read.",
                hint="Send JSON, CSV or an Arrow stream.",
            )
        if media == "csv":
            records = codec.csv_records(body)
            return self._frame(records), len(records)
        if media == "arrow":
            from jupyter_mlops.scoring import arrow

            return self._table(arrow.values(arrow.read(body)))
        content = codec.unwrapped(codec.read_json(body), ())
        if isinstance(content, dict) and isinstance(content.get("data"), list):
            return self._split(content)
        if isinstance(content, dict):
            lists = bool(content) and all(isinstance(value, list) for value in content.values())
            return self._table(content if lists else [content])
        if isinstance(content, list) and content and isinstance(content[0], dict):
            return self._table(content)
        if not isinstance(content, list):
            raise SchemaMismatch(f"The body must hold rows or columns; got {shown(content)}.", hint=codec.FORMS)
        from jupyter_mlops.scoring.tensors import to_array

        array = to_array(content)
        return array, len(array)

    def read_tensors(self, tensors: Arrays) -> tuple[Any, int]:
        """Give the model one tensor as it is, and several as columns of a DataFrame."""
        from jupyter_mlops.scoring.binary import texts

        tensors = {name: texts(array) for name, array in tensors.items()}
        if len(tensors) == 1:
            (array,) = tensors.values()
            return array, len(array) if array.ndim else 1
        return self._table({name: array.ravel().tolist() for name, array in tensors.items()})

    def join(self, data: Sequence[Any]) -> Any:
        """Return the one request's data."""
        (only,) = data
        return only

    def _split(self, content: dict[str, Any]) -> tuple[Any, int]:
        names, rows = content.get("columns"), content["data"]
        if not isinstance(names, list) or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
            raise SchemaMismatch("'data' must be rows with one value for each of 'columns'.", hint=codec.FORMS)
        return self._table([dict(zip(map(str, names), row, strict=True)) for row in rows])

    def _table(self, content: Any) -> tuple[Any, int]:
        try:
            frame = self._frame(content)
        except (ValueError, TypeError, AttributeError) as error:
            raise SchemaMismatch(f"The body's rows are no table: {error}.", hint=codec.FORMS) from error
        return frame, len(frame)


class RawIntake:
    """Any JSON, as it is: for scoring scripts."""

    joins = False

    def __init__(self, table: TableSchema | None) -> None:
        """A script's schema, if it has one, is checked; the script gets the body as it was sent."""
        self._table = table

    def read(self, body: bytes, media: str) -> tuple[Any, int]:
        """Return the JSON of a body; of CSV and of an Arrow stream its rows as objects; and bytes as they are."""
        if media == "bytes":
            if self._table is not None:
                only_bytes(self._table)
            return body, 1
        if media in {"csv", "arrow"}:
            records = self._records(body, media)
            return records, len(records)
        content = codec.read_json(body)
        return content, 1 if self._table is None else len(codec.table_rows(content, self._table))

    def _records(self, body: bytes, media: str) -> list[dict[str, Any]]:
        table = self._table
        if media == "arrow":
            from jupyter_mlops.scoring import arrow

            columns = arrow.values(arrow.read(body))
            if table is None:
                return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            rows = table.from_columns(columns)
        elif table is None:
            return codec.csv_records(body)
        else:
            rows = codec.csv_rows(body, table)
        return [dict(zip(table.names, row, strict=True)) for row in rows]

    def read_tensors(self, tensors: Arrays) -> tuple[Any, int]:
        """Return nested lists by name."""
        from jupyter_mlops.scoring.binary import texts

        return {name: texts(array).tolist() for name, array in tensors.items()}, 1

    def join(self, data: Sequence[Any]) -> Any:
        """Return the one request's data."""
        (only,) = data
        return only
