"""Views: what a record looks like, as blocks that each face draws in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from jupyter_mlops.cli.term import Tone
from jupyter_mlops.core.record import encode

T = TypeVar("T")


class Word(str):
    """A piece of text with a tone: a status, a mark."""

    __slots__ = ("tone",)
    tone: Tone

    def __new__(cls, text: str, tone: Tone = "plain") -> Self:
        """Make one."""
        word = super().__new__(cls, text)
        word.tone = tone
        return word


class Spark(Word):
    """A small curve in a line of text: block characters, and its points for those who can draw."""

    __slots__ = ("points",)
    points: Sequence[tuple[float, float]]

    def __new__(cls, text: str, tone: Tone = "plain", points: Sequence[tuple[float, float]] = ()) -> Self:
        """Make one."""
        spark = super().__new__(cls, text, tone)
        spark.points = points
        return spark


class Age(Word):
    """How long ago something was, and ``moment``, when: what is saved in a notebook is read at another time."""

    __slots__ = ("moment",)
    moment: str

    def __new__(cls, text: str, tone: Tone = "plain", moment: str = "") -> Self:
        """Make one."""
        age = super().__new__(cls, text, tone)
        age.moment = moment
        return age


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headers. A header that begins with ``>`` is of numbers, to the right; with ``=`` of names and addresses.

    Neither is ever cut, however narrow the terminal.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    empty: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Labels with their values; pairs whose value is empty are left out."""

    pairs: Sequence[tuple[str, str]]
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Text:
    """Lines shown as they are: a log, a diff, a command. In a diff, what was added and removed has its tone."""

    body: str
    title: str = ""
    is_diff: bool = False


@dataclass(frozen=True, kw_only=True)
class Note:
    """One sentence to the reader."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What the view is of: its name, its state, and a few words."""

    name: str
    state: Word
    aside: str = ""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures by their names, as ``data:`` addresses; a text names them."""

    items: Sequence[tuple[str, str]]
    title: str = ""


def named(header: str) -> str:
    """Return a header as it is shown."""
    return header.lstrip(">=")


Block = Table | Facts | Text | Note | Heading | Pictures
View = list[Block]


class Listing(list[Any]):
    """Records of one kind, with what to say when there are none."""

    def __init__(self, items: Iterable[Any], *, of: type, empty: str) -> None:
        super().__init__(items)
        self.of = of
        self.empty = empty


@dataclass(frozen=True, kw_only=True)
class Json:
    """A result that was asked for as JSON."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a verb did, for verbs whose outcome is no record: ``deleted service churn``."""

    message: str
    facts: dict[str, Any]


_VIEWS: Final[dict[type, Callable[[Any], View]]] = {}
_ROWS: Final[dict[type, tuple[Sequence[str], Callable[[Any], Sequence[str]]]]] = {}


def shows(kind: type[T]) -> Callable[[Callable[[T], View]], Callable[[T], View]]:
    """Say how one record of ``kind`` is shown."""

    def keep(function: Callable[[T], View]) -> Callable[[T], View]:
        _VIEWS[kind] = function
        return function

    return keep


def lists(kind: type[T], *headers: str) -> Callable[[Callable[[T], Sequence[str]]], Callable[[T], Sequence[str]]]:
    """Say how one record of ``kind`` is a row of a table."""

    def keep(function: Callable[[T], Sequence[str]]) -> Callable[[T], Sequence[str]]:
        _ROWS[kind] = (headers, function)
        return function

    return keep


@shows(Done)
def _done(done: Done) -> View:
    return [Note(text=done.message)]


def table(items: Iterable[T], of: type[T], *, title: str = "", empty: str = "") -> Table:
    """Return records of one kind as a table."""
    headers, row = _ROWS[of]
    return Table(headers=headers, rows=[row(item) for item in items], title=title, empty=empty)


@shows(Listing)
def _listing(listing: Listing) -> View:
    return [table(listing, listing.of, empty=listing.empty)]


def view(value: object) -> View:
    """Return how ``value`` is shown."""
    for kind in type(value).__mro__:
        if kind in _VIEWS:
            return _VIEWS[kind](value)
    return [Text(body=value if isinstance(value, str) else encode(value).decode())]
