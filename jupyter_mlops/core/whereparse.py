"""Reading a ``--where`` in the language of one kind of thing: runs, models."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, get_args

from jupyter_mlops.core.run import RunStatus
from jupyter_mlops.core.where import And, Compare, Field, FieldKind, Node, Not, Null, Or, Value
from jupyter_mlops.core.wherelex import KEYWORDS, BadWhere, Token, tokens

_UNITS_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_AMOUNT: Final = re.compile(r"([+-]?(?:[\d.]+(?:[eE][+-]?\d+)?|inf))([A-Za-z]*)", re.IGNORECASE)
_MOST_COMPARISONS: Final = 200
_DEEPEST: Final = 50
_LONGEST_AGO_MS: Final = 1e15  # some 30,000 years; more would not fit a database's integers
_EXPECTED: Final[Mapping[FieldKind, str]] = {
    "any": "a number or a text in quotes",
    "text": "a text in quotes",
    "number": "a number, inf or nan",
    "time": "a time: -7d, -3h, 2026-11-21 or '2026-11-21 15:00'",
    "duration": "a duration: 90s, 5m or 2h",
    "status": f"a status in quotes ({', '.join(get_args(RunStatus))})",
}


@dataclass(frozen=True, kw_only=True)
class Language:
    """What a kind of thing can be asked for, and the words for it."""

    groups: Mapping[str, FieldKind]
    """Groups of keys: ``{"tags": "any"}``."""
    fields: Mapping[str, FieldKind]
    """The thing's own attributes."""
    example: str

    def parse(self, text: str, *, now: float | None = None) -> Node:
        """Read a filter; ``now`` (seconds since the epoch) is what ``-7d`` counts from. Raises ``BadWhere``."""
        return _Parser(self, text, time.time() if now is None else now, "--where").filter()

    def field(self, text: str, *, option: str) -> tuple[Field, str]:
        """Read one field with an optional ``asc`` or ``desc`` behind it. Raises ``BadWhere`` that names ``option``."""
        return _Parser(self, text, 0.0, option).order()

    def fields_in(self, text: str, *, option: str) -> tuple[Field, ...]:
        """Read fields with commas between them. Raises ``BadWhere`` that names ``option``."""
        return _Parser(self, text, 0.0, option).fields() if text.strip() else ()


class _Parser:
    """Recursive descent over one text."""

    def __init__(self, language: Language, text: str, now: float, option: str) -> None:
        self._language = language
        self._text = text
        self._now = now
        self._option = option
        self._tokens = tokens(text, option=option, example=language.example)
        self._at = 0
        self._n_comparisons = 0

    def filter(self) -> Node:
        node = self._or(0)
        if self._next.kind != "end":
            raise self._wrong("`and`, `or` or the end")
        return node

    def order(self) -> tuple[Field, str]:
        field = self._field()
        direction = self._take().text.lower() if self._next.is_word("asc") or self._next.is_word("desc") else ""
        if self._next.kind != "end":
            raise self._wrong("`asc`, `desc` or the end")
        return field, direction

    def fields(self) -> tuple[Field, ...]:
        found = [self._field()]
        while self._skip(","):
            found.append(self._field())
        if self._next.kind != "end":
            raise self._wrong("`,` or the end")
        return tuple(found)

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip(self, word: str) -> bool:
        if self._next.is_word(word):
            self._at += 1
            return True
        return False

    def _wrong(self, expected: str) -> BadWhere:
        return BadWhere(self._text, self._next.column, expected, option=self._option, example=self._language.example)

    def _or(self, depth: int) -> Node:
        parts = [self._and(depth)]
        while self._skip("or"):
            parts.append(self._and(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self, depth: int) -> Node:
        parts = [self._not(depth)]
        while self._skip("and"):
            parts.append(self._not(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise self._wrong(f"at most {_DEEPEST} parentheses and nots within each other")
        if self._skip("not"):
            return Not(self._not(depth + 1))
        if self._skip("("):
            node = self._or(depth + 1)
            if not self._skip(")"):
                raise self._wrong("`and`, `or` or `)`")
            return node
        return self._comparison()

    def _comparison(self) -> Node:
        field = self._field()
        if self._next.kind == "op":
            op = {"==": "=", "<>": "!="}.get(self._next.text, self._next.text)
            self._at += 1
            value = self._value(field)
            return Not(self._compare(field, "=", value)) if op == "!=" else self._compare(field, op, value)
        if self._skip("is"):
            negated = self._skip("not")
            if not self._skip("null"):
                raise self._wrong("`null`" if negated else "`null` or `not null`")
            return Not(Null(field)) if negated else Null(field)
        negated = self._skip("not")
        node = self._membership(field)
        return Not(node) if negated else node

    def _membership(self, field: Field) -> Node:
        takes_text = field.kind in {"any", "text"}
        for op in ("like", "ilike") if takes_text else ():
            if self._skip(op):
                if self._next.kind != "text":
                    raise self._wrong("a pattern in quotes, like 'svm%'")
                return self._compare(field, op, self._take().text)
        if self._skip("in"):
            if not self._skip("("):
                raise self._wrong("`(`")
            parts = [self._compare(field, "=", self._value(field))]
            while self._skip(","):
                parts.append(self._compare(field, "=", self._value(field)))
            if not self._skip(")"):
                raise self._wrong("`,` or `)`")
            return Or(tuple(parts))
        raise self._wrong(f"one of = != < <= > >= {'like ilike ' if takes_text else ''}in is")

    def _compare(self, field: Field, op: str, value: Value) -> Compare:
        self._n_comparisons += 1
        if self._n_comparisons > _MOST_COMPARISONS:
            raise self._wrong(f"at most {_MOST_COMPARISONS} comparisons")
        return Compare(field, op, value)

    def _field(self) -> Field:
        word = self._next
        if word.kind == "field":
            group, _, key = word.text.partition(".")
            if group in self._language.groups:
                self._at += 1
                return Field(group, key, self._language.groups[group])
        elif word.kind == "word" and word.text.lower() not in KEYWORDS and word.text in self._language.fields:
            self._at += 1
            return Field("", word.text, self._language.fields[word.text])
        groups = [f"{group}.KEY" for group in self._language.groups]
        raise self._wrong(f"a field ({', '.join([*sorted(self._language.fields), *groups])})")

    def _value(self, field: Field) -> Value:
        read = {"number": self._number, "time": self._time, "duration": self._duration, "status": self._status}
        if field.kind in read:
            value = read[field.kind](self._next)
        elif self._next.kind == "text":
            value = self._next.text
        else:
            value = self._number(self._next) if field.kind == "any" else None
        if value is None:
            raise self._wrong(_EXPECTED[field.kind])
        self._at += 1
        return value

    def _number(self, word: Token) -> float | None:
        if word.kind == "word" and word.text.lower() in {"inf", "nan"}:
            return float(word.text)
        match = _AMOUNT.fullmatch(word.text) if word.kind == "number" else None
        return float(match[1]) if match and not match[2] else None

    def _duration(self, word: Token) -> float | None:
        match = _AMOUNT.fullmatch(word.text) if word.kind == "number" else None
        unit = _UNITS_S.get(match[2] or "s") if match else None
        return None if match is None or unit is None else float(match[1]) * unit * 1000

    def _time(self, word: Token) -> float | None:
        if word.kind in {"date", "text"}:
            try:
                at = datetime.fromisoformat(word.text).astimezone()  # local time where it names no zone
            except (ValueError, OverflowError, OSError):  # no date, or one that no clock shows
                return None
            return round(at.timestamp() * 1000)
        if word.kind != "number" or not word.text[-1:].isalpha():
            return None  # a bare number would be seconds to one reader and milliseconds to the next
        ago = self._duration(word)
        return None if ago is None or not abs(ago) < _LONGEST_AGO_MS else round(self._now * 1000 + ago)

    def _status(self, word: Token) -> str | None:
        return word.text.upper() if word.kind == "text" and word.text.upper() in get_args(RunStatus) else None
