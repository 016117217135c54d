"""What a ``--where`` means: ``metrics.auc > 0.9 and (params.model = 'svm' or started > -7d)``, once it is read.

Two-valued, so that ``not`` means what it says: a comparison with something that is missing does not hold, except
``!=``, which is ``not =``. A number (without quotes) compares with a text that reads as a number by its value; a text in
quotes compares as text. NaN equals NaN alone.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Value = str | float
Found = str | float | Collection[str] | None
"""What a thing has in a field; a collection matches by any of its members."""
FieldKind = Literal["any", "text", "number", "time", "duration", "status"]
"""``any`` is text that may read as a number. Times are milliseconds since the epoch, durations milliseconds."""
NUMBER: Final = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$"
"""What reads as a number; Python's and PostgreSQL's regular expressions agree on it."""
LONGEST_NUMBER: Final = 100
_NUMBER: Final = re.compile(NUMBER.replace("$", r"\Z"))
_PLAIN_KEY: Final = re.compile(r"[\w.\-/@:]+", re.ASCII)
_ORDERED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Field:
    """What is compared. ``group`` is ``metrics``, ``params`` or ``tags``, empty for a thing's own attributes."""

    group: str
    key: str
    kind: FieldKind = "any"

    def __str__(self) -> str:
        if not self.group:
            return self.key
        return f"{self.group}.{self.key}" if _PLAIN_KEY.fullmatch(self.key) else f"{self.group}.`{self.key}`"


@dataclass(frozen=True)
class Compare:
    """A comparison. ``op`` is one of ``= < <= > >= like ilike``; ``!=`` is a ``Not`` around ``=``."""

    field: Field
    op: str
    value: Value


@dataclass(frozen=True)
class Null:
    """Holds when the field is missing."""

    field: Field


@dataclass(frozen=True)
class Not:
    """Holds when its part does not."""

    part: Node


@dataclass(frozen=True)
class And:
    """Holds when all its parts do; also when there are none."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """Holds when one of its parts does."""

    parts: tuple[Node, ...]


Node = Compare | Null | Not | And | Or


def holds(node: Node, found: Callable[[Field], Found]) -> bool:
    """Tell whether a thing is meant; ``found`` gives what it has in a field."""
    match node:
        case And(parts):
            return all(holds(part, found) for part in parts)
        case Or(parts):
            return any(holds(part, found) for part in parts)
        case Not(part):
            return not holds(part, found)
        case Null(field):
            return found(field) is None
        case Compare(field, op, value):
            return compare(found(field), op, value)


def compare(found: Found, op: str, value: Value) -> bool:
    """Tell whether what was found compares so with ``value``."""
    if found is None:
        return False
    if not isinstance(found, (str, float, int)):
        return any(compare(member, op, value) for member in found)
    if isinstance(value, str):
        pattern = op in {"like", "ilike"}
        return like(str(found), value, fold=op == "ilike") if pattern else _ORDERED[op](str(found), value)
    number = number_of(found) if isinstance(found, str) else found
    if number is not None and math.isnan(number) and math.isnan(value):
        return op in {"=", "<=", ">="}
    return number is not None and _ORDERED[op](number, value)


def number_of(text: str | None) -> float | None:
    """Return the number that a text reads as: digits, a point, an exponent of two digits; ``None`` for another text."""
    if text is None or len(text) > LONGEST_NUMBER or not _NUMBER.match(text):
        return None
    return float(text)


def like(text: str | None, pattern: str, *, fold: bool = False) -> bool:
    """Tell whether a text matches a pattern in which ``%`` is any text and ``_`` any one character."""
    return text is not None and _pattern(pattern, fold).match(text) is not None


@functools.lru_cache(maxsize=64)
def _pattern(pattern: str, fold: bool) -> re.Pattern[str]:
    """Return the pattern as a regular expression whose parts, being atomic, take no time that explodes."""
    first, *middle = ("".join("." if one == "_" else re.escape(one) for one in part) for part in pattern.split("%"))
    last = f".*{middle.pop()}" if middle else ""
    text = first + "".join(f"(?>.*?{part})" for part in middle if part) + last
    return re.compile(f"{text}\\Z", re.DOTALL | (re.IGNORECASE if fold else re.NOFLAG))


def conditions_of(node: Node) -> Iterator[Node]:
    """Yield the parts of a filter all of which must hold."""
    if isinstance(node, And):
        for part in node.parts:
            yield from conditions_of(part)
    else:
        yield node


def fields_of(node: Node) -> Iterator[Field]:
    """Yield the fields that a filter names, as often as it names them."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from fields_of(part)
        case Not(part):
            yield from fields_of(part)
        case Null(field) | Compare(field, _, _):
            yield field
