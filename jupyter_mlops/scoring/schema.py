"""The columns a model takes: rows are checked and put in order, and what is wrong is said by column, row and expectation."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import difflib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import Meta

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.manifest import Column, ColumnType

Row = tuple[Any, ...]

INT32: Final = 2**31
INT64: Final = 2**63
FLOAT32: Final = (2 - 2**-23) * 2.0**127
"""The largest number of 32 bits."""
SHOWN: Final = 60
"""Of a value that is quoted in an error, this many characters."""
HINT: Final = "/openapi.json describes the columns and carries a sample that scores."


class SchemaMismatch(BadInput):
    """A body that is JSON, and not what the model takes."""

    code, status = "schema-mismatch", 422

    def __init__(self, message: str, *, hint: str = HINT, column: str | None = None, row: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.members = {key: value for key, value in (("column", column), ("row", row)) if value is not None}
        """Where it is, as further members of the problem."""


class Unfit(Exception):
    """A value that its column does not take; the column and row are known further up."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A type of column."""

    words: str
    """What is expected, for a person."""
    json: Any
    """The type for msgspec's decoder, which takes no more than ``read`` does."""
    read: Callable[[Any], Any]
    """Return the value as the model gets it, or raise ``Unfit``."""
    dtype: str
    """numpy's name of it; ``object`` where numpy has none."""
    empty: bool = True
    """Whether null may stand in a required column."""


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise Unfit from None
    raise Unfit


def _single(value: Any) -> float:
    number = _number(value)
    if FLOAT32 < abs(number) < math.inf:
        raise Unfit
    return number


def _solid(read: Callable[[Any], float]) -> Callable[[Any], float]:
    def solid(value: Any) -> float:
        number = read(value)
        if math.isnan(number):
            raise Unfit
        return number

    return solid


def _whole(limit: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit:
            return value
        raise Unfit

    return read


def _of(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        raise Unfit

    return read


def _binary(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Unfit from None


def _text(value: Any) -> str:
    """Return a string; bytes (of a binary tensor) are UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Unfit from None
    if isinstance(value, str):
        return value
    raise Unfit


def _datetime(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    try:
        return dt.datetime.fromisoformat(value.decode() if isinstance(value, bytes) else value)
    except (ValueError, TypeError):
        raise Unfit from None


def _whole_json(limit: int) -> Any:
    return Annotated[int, Meta(ge=-limit, le=limit - 1)]


KINDS: Final[Mapping[ColumnType, Kind]] = {
    "boolean": Kind(words="true or false", json=bool, read=_of(bool), dtype="bool", empty=False),
    "integer": Kind(
        words="a whole number of 32 bits", json=_whole_json(INT32), read=_whole(INT32), dtype="int32", empty=False
    ),
    "long": Kind(
        words="a whole number of 64 bits", json=_whole_json(INT64), read=_whole(INT64), dtype="int64", empty=False
    ),
    "float": Kind(
        words="a number of 32 bits",
        json=Annotated[float, Meta(ge=-FLOAT32, le=FLOAT32)] | None,
        read=_single,
        dtype="float32",
    ),
    "double": Kind(words="a number", json=float | None, read=_number, dtype="float64"),
    "string": Kind(words="a string", json=str | None, read=_text, dtype="object"),
    "binary": Kind(words="bytes as a base64 string", json=bytes, read=_binary, dtype="object", empty=False),
    "datetime": Kind(
        words="a time as an ISO 8601 string",
        json=dt.datetime,
        read=_datetime,
        dtype="datetime64[us]",
        empty=False,
    ),
    "any": Kind(words="any value", json=Any, read=lambda value: value, dtype="object"),
}
SOLID: Final[Mapping[ColumnType, Kind]] = {
    name: dataclasses.replace(
        KINDS[name],
        words=f"{KINDS[name].words}, since the model takes no NaN there",
        json=Annotated[float, Meta(ge=-FLOAT32, le=FLOAT32)] if name == "float" else float,
        read=_solid(KINDS[name].read),
        empty=False,
    )
    for name in ("float", "double")
}
"""Numbers of columns in which a model refuses NaN."""


class TableSchema:
    """Named columns, in the order the model takes them."""

    def __init__(self, columns: Sequence[Column], solid: Collection[str] = ()) -> None:
        """``solid`` names columns of numbers in which neither null nor NaN may stand."""
        self.columns = list(columns)
        self.names = [column.name for column in columns]
        self.kinds = [(SOLID if column.name in solid else KINDS)[column.type] for column in columns]
        self._at = {name: at for at, name in enumerate(self.names)}
        self._required = [column.name for column in columns if column.required]

    def from_records(self, records: Sequence[Any]) -> list[Row]:
        """Return rows from objects, one per row. Raises ``SchemaMismatch``."""
        rows = []
        for number, record in enumerate(records):
            if not isinstance(record, dict):
                raise SchemaMismatch(f"Row {number} must be an object, as the rows before it are; got {shown(record)}.")
            self._know(record, number)
            rows.append(self._row([record.get(name) for name in self.names], number))
        return rows

    def from_columns(self, columns: Mapping[str, Any]) -> list[Row]:
        """Return rows from lists of values by column. Raises ``SchemaMismatch``."""
        self._know(columns, None)
        lengths = {name: len(values) for name, values in columns.items() if isinstance(values, list)}
        for name, values in columns.items():
            if not isinstance(values, list):
                raise SchemaMismatch(
                    f"Column {name!r} must be a list of values, as others are; got {shown(values)}.", column=name
                )
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name!r} has {n}" for name, n in list(lengths.items())[:5])
            raise SchemaMismatch(f"All columns must have the same number of values: {told}.")
        n_rows = next(iter(lengths.values()), 0)
        lists = [columns.get(name, [None] * n_rows) for name in self.names]
        return [self._row(values, number) for number, values in enumerate(zip(*lists, strict=True))]

    def from_rows(self, rows: Sequence[Any], names: Sequence[str] | None = None) -> list[Row]:
        """Return rows from lists of values, in the order of ``names`` or of the schema. Raises ``SchemaMismatch``."""
        if names is not None and list(names) != self.names:
            self._know(dict.fromkeys(names), None)
            order = [names.index(name) if name in names else None for name in self.names]
        else:
            order = list(range(len(self.names)))
        width = len(self.names) if names is None else len(names)
        return [self._row(self._arranged(row, number, width, order), number) for number, row in enumerate(rows)]

    def _arranged(self, row: Any, number: int, width: int, order: Sequence[int | None]) -> list[Any]:
        if not isinstance(row, (list, tuple)):
            raise SchemaMismatch(f"Row {number} must be a list of {width} values; got {shown(row)}.", row=number)
        if len(row) != width:
            raise SchemaMismatch(
                f"Row {number} has {len(row)} value{'s' * (len(row) != 1)} instead of {width}: {self._told()}.",
                row=number,
            )
        return [None if at is None else row[at] for at in order]

    def _row(self, values: Sequence[Any], number: int) -> Row:
        return tuple(
            self._value(value, column, kind, number)
            for value, column, kind in zip(values, self.columns, self.kinds, strict=True)
        )

    def _value(self, value: Any, column: Column, kind: Kind, number: int) -> Any:
        if value is None and (kind.empty or not column.required):
            return None
        try:
            return kind.read(value)
        except Unfit:
            raise SchemaMismatch(
                f"Column {column.name!r} of row {number} must be {kind.words}; got {shown(value)}.",
                column=column.name,
                row=number,
            ) from None

    def _know(self, given: Mapping[str, Any], number: int | None) -> None:
        """Refuse names that are not columns, and the absence of those that must be there."""
        where = "" if number is None else f" in row {number}"
        for name in given:
            if name not in self._at:
                near = difflib.get_close_matches(name, self.names, n=1)
                meant = f"did you mean {near[0]!r}?" if near else f"the columns are {self._told()}."
                raise SchemaMismatch(
                    f"There is no column {short(name)}{where}; {meant}", column=name[:SHOWN], row=number
                )
        for name in self._required:
            if name not in given:
                words = self.kinds[self._at[name]].words
                raise SchemaMismatch(f"Column {name!r} ({words}) is missing{where}.", column=name, row=number)

    def _told(self) -> str:
        return ", ".join(self._some())

    def _some(self, most: int = 8) -> Iterator[str]:
        yield from self.names[:most]
        if len(self.names) > most:
            yield f"and {len(self.names) - most} more"


def shown(value: Any) -> str:
    """Return a value as an error quotes it: what it is, and its beginning."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list, tuple)):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    if isinstance(value, (str, bytes)):
        return f"the string {short(value)}" if isinstance(value, str) else f"{len(value)} bytes"
    if isinstance(value, int) and value.bit_length() > INT64.bit_length():
        return "a larger number"
    return repr(value)[:SHOWN]


def short(text: str) -> str:
    """Return a name or string in quotes, cut when long."""
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
