"""The base of everything that is stored or sent, and its JSON."""

from __future__ import annotations

import math
import threading
from typing import Any, ClassVar, Final, Literal, TypeVar, cast

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is stored or sent. Frozen: a change is a new value."""


class Entry(Record, frozen=True, kw_only=True):
    """A record that lives in the catalog, under ``kind``, its name and its version.

    ``version`` is 0 for kinds that have none (a service, an activity); the catalog gives the next
    free number to the others when they are added. ``created_at`` is seconds since the epoch (UTC).
    """

    kind: ClassVar[str] = ""
    versioned: ClassVar[bool] = True

    name: str
    version: int = 0
    created_at: float = 0.0
    created_by: str = ""


MetricValue = float | Literal["NaN", "Infinity", "-Infinity"]
"""A metric as it travels: JSON has no NaN and no infinities."""


def wire(value: float) -> MetricValue:
    """Return a metric's value as it travels."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


T = TypeVar("T")


def encode(value: object) -> bytes:
    """Return ``value`` as JSON."""
    return msgspec.json.encode(value)


def decode(data: bytes | str, into: type[T]) -> T:
    """Read JSON into a record. Raises ``msgspec.ValidationError`` or ``msgspec.DecodeError``."""
    return cast("T", _decoder(into).decode(data))


def convert(value: object, into: type[T], *, strict: bool = True) -> T:
    """Make a record of what has been read already. Raises ``msgspec.ValidationError``."""
    _decoder(into)
    return msgspec.convert(value, into, strict=strict)


_making: Final = threading.RLock()
_decoders: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}


def _decoder(into: Any) -> msgspec.json.Decoder[Any]:
    """Return the one decoder of a type, made by one thread at a time.

    What msgspec knows of a struct it notes on the class before it has looked at all of its fields (that is how it
    follows types that contain themselves), and the annotations are read in Python. A thread that meets
    the class meanwhile follows fields that are not there yet and takes the process down (msgspec 0.22).
    """
    known = _decoders.get(into)
    if known is None:
        with _making:
            known = _decoders.setdefault(into, msgspec.json.Decoder(into))
    return known


def plain(value: object) -> Any:
    """Return ``value`` as dicts, lists, strings and numbers."""
    return msgspec.to_builtins(value)
