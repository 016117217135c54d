"""The base of everything that is stored or sent, and its JSON."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, TypeVar

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
    return msgspec.json.decode(data, type=into)


def plain(value: object) -> Any:
    """Return ``value`` as dicts, lists, strings and numbers."""
    return msgspec.to_builtins(value)
