"""The usual forms of a table in JSON, read by one decoder that is made of the schema."""

from __future__ import annotations

from collections.abc import Sequence
from types import GenericAlias
from typing import Any, Union

import msgspec
from msgspec.structs import astuple

from jupyter_mlops.scoring import codec
from jupyter_mlops.scoring.schema import Row, TableSchema


class RowDecoder:
    """Reads the usual forms with a decoder made of the schema's types and names; of any other form it reads nothing."""

    def __init__(self, table: TableSchema) -> None:
        types: list[Any] = [
            kind.json if column.required or kind.empty else kind.json | None
            for kind, column in zip(table.kinds, table.columns, strict=True)
        ]
        fields = [f"c{at}" for at in range(len(types))]
        rename = dict(zip(fields, table.names, strict=True))
        optional = [
            (field, kind) if column.required else (field, kind, None)
            for field, kind, column in zip(fields, types, table.columns, strict=True)
        ]
        strict: dict[str, Any] = {"rename": rename, "forbid_unknown_fields": True, "gc": False}
        self._record = msgspec.defstruct("Record", sorted(optional, key=len), **strict)
        columns = msgspec.defstruct(
            "Columns", [(field, _list(kind)) for field, kind in zip(fields, types, strict=True)], **strict
        )
        many = _list(_either(self._record, GenericAlias(tuple, tuple(types))))
        self._split: Any = msgspec.defstruct(
            "Split", [("columns", list[str]), ("data", _list(GenericAlias(tuple, tuple(types)))), ("index", Any, None)]
        )
        body = _envelope(many, _list(self._record), columns, self._split)
        self._decode = msgspec.json.Decoder(many if _clash(table.names) else _either(many, body)).decode
        self._names = table.names
        # optional columns stand last in the struct, wherever the schema has them
        encoded = list(self._record.__struct_encode_fields__)
        self._order = None if encoded == table.names else [encoded.index(name) for name in table.names]

    def rows(self, body: bytes) -> list[Row]:
        """Return the rows of a body. Raises ``ValueError`` or msgspec's errors when it must be read with more care."""
        decoded = self._decode(body)
        if type(decoded) is not list:
            values = astuple(decoded)
            if values.count(None) != len(values) - 1:
                raise ValueError
            decoded = values[0] if values[0] is not None else next(value for value in values if value is not None)
        if type(decoded) is list:
            kinds = set(map(type, decoded))
            if tuple not in kinds:
                return self._in_order(decoded)
            return decoded if len(kinds) == 1 else self._mixed(decoded)
        if type(decoded) is self._split:
            if decoded.columns != self._names:
                raise ValueError
            rows: list[Row] = decoded.data
            return rows
        return list(zip(*astuple(decoded), strict=True))

    def _in_order(self, records: list[Any]) -> list[Row]:
        if self._order is None:
            return list(map(astuple, records))
        order = self._order
        return [tuple([row[at] for at in order]) for row in map(astuple, records)]

    def _mixed(self, decoded: list[Any]) -> list[Row]:
        return [row if type(row) is tuple else self._in_order([row])[0] for row in decoded]


def _envelope(many: Any, records: Any, columns: Any, split: Any) -> Any:
    """Return the type of an object that holds rows by one of the names they may have; the usual one first."""
    return msgspec.defstruct(
        "Body",
        [
            ("data", _either(many, None), None),
            ("columns", _either(columns, None), None),
            ("inputs", _either(many, columns, None), None),
            ("instances", _either(many, None), None),
            ("dataframe_split", _either(split, None), None),
            ("dataframe_records", _either(records, None), None),
        ],
        forbid_unknown_fields=True,
    )


def _list(kind: Any) -> Any:
    return GenericAlias(list, (kind,))


def _either(*kinds: Any) -> Any:
    return Union[kinds]  # noqa: UP007 - these types are known at run time only


def _clash(names: Sequence[str]) -> bool:
    return not set(codec.ENVELOPES).isdisjoint(names)
