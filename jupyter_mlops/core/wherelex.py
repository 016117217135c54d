"""The words of the ``--where`` language, and how one that makes no sense is pointed at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from jupyter_mlops.core.errors import BadInput

Kind = Literal["field", "word", "op", "mark", "text", "date", "number", "end"]
KEYWORDS: Final = frozenset({"and", "or", "not", "in", "is", "null", "like", "ilike"})
MOST_CHARACTERS: Final = 10_000
_CONTEXT: Final = 60
"""Characters of a long text that are shown on each side of the column."""
_TOKEN: Final = re.compile(
    r"""(?P<field>[A-Za-z_]\w*\.(?:`[^`]+`|"[^"]+"|[\w.\-/@:]+))
    |(?P<word>[A-Za-z_]\w*)
    |(?P<op>!=|<>|<=|>=|==|=|<|>)
    |(?P<mark>[(),])
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<date>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)
    |(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[A-Za-z]*|[+-]inf\b)""",
    re.VERBOSE | re.ASCII,
)
_QUOTES: Final = '`"'
_SPACE: Final = re.compile(r"\s*")


class BadWhere(BadInput):
    """A filter that cannot be read. The sentence names the column, counted from 1; ``excerpt`` points at it."""

    code = "bad-where"

    def __init__(self, text: str, column: int, expected: str, *, option: str, example: str) -> None:
        word = re.match(r"\S{1,30}", text[column - 1 :])
        found = repr(word[0]) if word else "the end"
        super().__init__(
            f"{option} cannot be read at column {column}: expected {expected}, found {found}.",
            hint=f'Write for instance {option} "{example}".',
        )
        self.column = column
        start = max(0, column - 1 - _CONTEXT)
        line = "".join(one if one.isprintable() else " " for one in text[start : column - 1 + _CONTEXT])
        self.excerpt = f"  {line}\n  {' ' * (column - 1 - start)}^"


@dataclass(frozen=True)
class Token:
    """One word: what kind it is, its text without quotes, and its column, counted from 1."""

    kind: Kind
    text: str
    column: int

    def is_word(self, word: str) -> bool:
        """Tell whether it is that keyword or mark."""
        return self.kind in {"word", "mark"} and self.text.lower() == word


def tokens(text: str, *, option: str, example: str) -> list[Token]:
    """Return the words of a filter; the last one is the end. Raises ``BadWhere``, which names ``option``."""
    if len(text) > MOST_CHARACTERS:
        most = f"at most {MOST_CHARACTERS:,} characters"
        raise BadWhere(text, MOST_CHARACTERS + 1, most, option=option, example=example)
    found: list[Token] = []
    at = _SPACE.match(text).end()  # type: ignore[union-attr]  # it matches the empty text, too
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = "the closing quote" if text[at] in "'\"" else "a field, an operator, a number or a text in quotes"
            raise BadWhere(text, at + 1, what, option=option, example=example)
        kind: Kind = match.lastgroup  # type: ignore[assignment]  # the groups are named for the kinds
        found.append(Token(kind, _bare(kind, match[0]), at + 1))
        at = _SPACE.match(text, match.end()).end()  # type: ignore[union-attr]  # the same
    return [*found, Token("end", "", len(text.rstrip()) + 1)]


def _bare(kind: Kind, word: str) -> str:
    if kind == "text":
        return word[1:-1].replace(word[0] * 2, word[0])
    if kind == "field":
        group, _, key = word.partition(".")
        return f"{group}.{key.strip(key[0]) if key[0] in _QUOTES else key}"
    return word
