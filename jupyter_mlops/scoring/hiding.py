"""Hiding: columns that are hashed or left out before a request is kept, whatever form they came in."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from jupyter_mlops.core.telemetry import Telemetry
from jupyter_mlops.scoring.codec import ENVELOPES

PREFIX: Final = "hmac:"
N_HEX: Final = 32
TENSOR: Final = frozenset({"name", "shape", "datatype", "data"})


class Unplaced(Exception):
    """Values whose columns cannot be told, so that they must not be kept."""


class Hider:
    """Hides the columns that a service's settings name.

    A column is found by its name wherever it stands: as a key of an object, among ``columns`` beside ``data``, as a
    tensor's ``name``, in the head of a CSV; and by its place in rows without names, if the schema says the places. What
    cannot be told apart is not kept at all.
    """

    def __init__(self, settings: Telemetry, columns: Sequence[str], key: bytes) -> None:
        """``columns`` are the schema's. Without a ``key`` what should be hashed is left out."""
        self._hash = frozenset(settings.hash) if key else frozenset[str]()
        self._drop = frozenset(settings.drop) | frozenset(settings.hash) - self._hash
        self._names = self._hash | self._drop
        self._columns = list(columns)
        self._key = key

    def __bool__(self) -> bool:
        """Whether anything is to be hidden."""
        return bool(self._names)

    def inputs(self, body: Any) -> Any:
        """Return a request's JSON without what is hidden. Raises ``Unplaced``."""
        if isinstance(body, dict):
            return self._object(body, envelope=True)
        return self._rows(body)

    def named(self, value: Any) -> Any:
        """Return an answer's JSON without what is hidden by name."""
        if isinstance(value, dict):
            return self._object(value, envelope=False)
        return [self.named(each) for each in value] if isinstance(value, list) else value

    def table(self, text: str) -> str:
        """Return a CSV without what is hidden; its first line names the columns."""
        head, *rows = list(csv.reader(io.StringIO(text))) or [[]]
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(self._places(head, [head, *rows], heads=1))
        return out.getvalue()

    def _object(self, value: dict[str, Any], *, envelope: bool) -> dict[str, Any]:
        names, data = value.get("columns"), value.get("data")
        if isinstance(names, list) and isinstance(data, list):
            split = {**value, "columns": self._places(names, [names], heads=1)[0], "data": self._places(names, data)}
            return {key: each if key in {"columns", "data"} else self.named(each) for key, each in split.items()}
        if value.keys() >= TENSOR:
            return self._tensor(value)
        found: dict[str, Any] = {}
        for key, each in value.items():
            if key in self._hash:
                found[key] = self._hashed(key, each)
            elif key not in self._drop:
                rows = envelope and key in ENVELOPES and isinstance(each, list)
                found[key] = self._rows(each) if rows else self.named(each)
        return found

    def _tensor(self, tensor: dict[str, Any]) -> dict[str, Any]:
        """Return a tensor of the Open Inference Protocol. One that is no column may hold several of them."""
        name = tensor["name"]
        if name in self._hash:
            return {**tensor, "data": self._hashed(name, tensor["data"])}
        if name in self._drop:
            return {**tensor, "data": None}
        if name not in self._columns:
            raise Unplaced
        return tensor

    def _rows(self, rows: Any) -> Any:
        if not isinstance(rows, list):
            raise Unplaced
        if all(isinstance(row, dict) for row in rows):
            return [self.named(row) for row in rows]
        if not self._columns:
            raise Unplaced
        if all(isinstance(row, list) for row in rows):
            return self._places(self._columns, rows)
        if len(self._columns) == 1:
            return self._places(self._columns, [[row] for row in rows])
        raise Unplaced

    def _places(self, names: Sequence[Any], rows: Sequence[Any], *, heads: int = 0) -> list[list[Any]]:
        """Return rows whose values stand in the order of ``names``; the first ``heads`` of them hold names."""
        if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
            raise Unplaced
        return [
            [
                value if at < heads or name not in self._hash else self._hashed(name, value)
                for name, value in zip(names, row, strict=True)
                if name not in self._drop
            ]
            for at, row in enumerate(rows)
        ]

    def _hashed(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, list):
            return [self._hashed(name, each) for each in value]
        text = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
        return PREFIX + hmac.new(self._key, name.encode() + b"\0" + text, hashlib.sha256).hexdigest()[:N_HEX]
