"""The small language of ``--where``: ``tags.team = 'risk' and version > 2``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyter_mlops.core.errors import BadInput

Value = str | float
OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<field>tags\.(?:`[^`]+`|"[^"]+"|[\w.\-/]+)|[A-Za-z_]\w*)
    |(?P<op>!=|<=|>=|==|=|<|>)
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<number>-?\d+(?:\.\d+)?))""",
    re.VERBOSE,
)


class BadWhere(BadInput):
    """A ``--where`` that cannot be read. The sentence names the column, counted from 1."""

    code = "bad-where"

    def __init__(self, text: str, column: int, expected: str) -> None:
        super().__init__(
            f"--where {text!r} cannot be read at column {column}: expected {expected}.",
            hint="Write for instance --where \"tags.team = 'risk' and version > 2\".",
        )


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One comparison. ``field`` is ``name`` or ``tags.KEY``, ``op`` a key of ``OPERATORS``."""

    field: str
    op: str
    value: Value

    def holds(self, found: Value | Collection[str] | None) -> bool:
        """Tell whether a thing with ``found`` in the field is meant; a collection matches by any of its members."""
        if found is None:
            return self.op == "!="
        if not isinstance(found, str | float | int):
            hit = self.value in found
            return hit if self.op == "=" else self.op == "!=" and not hit
        if isinstance(self.value, str):
            return OPERATORS[self.op](str(found), self.value)
        try:
            return OPERATORS[self.op](float(found), self.value)  # a tag is text even when it looks like a number
        except ValueError:
            return self.op == "!="


def parse(text: str, fields: Collection[str]) -> list[Condition]:
    """Read conditions joined by ``and``; beside ``tags.KEY`` only ``fields`` are known. Raises ``BadWhere``."""
    tokens = _tokens(text)
    conditions: list[Condition] = []
    at = 0
    while True:
        field_column, kind, field = tokens[at]
        known = f"a field ({', '.join(sorted(fields))} or tags.KEY)"
        if kind != "field" or not (field in fields or field.startswith("tags.")):
            raise BadWhere(text, field_column, known)
        op_column, kind, op = tokens[at + 1]
        if kind != "op":
            raise BadWhere(text, op_column, "one of = != < <= > >=")
        value_column, kind, value = tokens[at + 2]
        if kind not in {"text", "number"}:
            raise BadWhere(text, value_column, "a number or a text in quotes")
        conditions.append(
            Condition(field=field, op="=" if op == "==" else op, value=float(value) if kind == "number" else value)
        )
        end_column, kind, word = tokens[at + 3]
        if kind == "end":
            return conditions
        if kind != "field" or word.lower() != "and":
            raise BadWhere(text, end_column, "`and` or the end")
        at += 4


def _tokens(text: str) -> list[tuple[int, str, str]]:
    """Return ``(column from 1, kind, value)``; the end stands often enough that looking ahead never runs out."""
    tokens: list[tuple[int, str, str]] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            column = at + 1 + len(text[at:]) - len(text[at:].lstrip())
            raise BadWhere(text, column, "a field, an operator, a number or a text in quotes")
        kind, word = match.lastgroup, match[match.lastgroup]
        if kind == "text":
            word = word[1:-1].replace(word[0] * 2, word[0])
        elif kind == "field" and word.startswith("tags."):
            word = "tags." + word[5:].strip('`"')
        tokens.append((match.start(match.lastgroup) + 1, kind, word))
        at = match.end()
    return tokens + [(len(text) + 1, "end", "")] * 4
