"""Finding runs: what can be asked for, and the page that answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, get_args

from jupyter_mlops.core.errors import NotFound
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.core.where import And, Compare, Field, FieldKind, Found, Node, Or
from jupyter_mlops.core.whereparse import Language

RUNS: Final = Language(
    groups={"metrics": "number", "params": "any", "tags": "any"},
    fields={
        "status": "status",
        "name": "text",
        "experiment": "text",
        "project": "text",
        "actor": "text",
        "started": "time",
        "ended": "time",
        "duration": "duration",
        "id": "text",
        "run": "text",
        "parent": "text",
    },
    example="metrics.auc > 0.9 and params.model = 'svm' and started > -7d",
)
ORDERS: Final = Language(groups=RUNS.groups, fields=RUNS.fields, example="metrics.auc desc")
_FROM_THE_TOP: Final = frozenset({"number", "time", "duration"})


@dataclass(frozen=True)
class Order:
    """By what runs are ordered. What has no value, or NaN, comes last; equals come newest first, then by id."""

    field: Field
    descending: bool


_MOST_SHOWN: Final = 12
EVERY: Final = And(())
"""The filter that every run passes."""
NEWEST: Final = Order(Field("", "started", "time"), descending=True)


class UnknownKey(NotFound):
    """A metric or parameter is asked for that no run in scope has."""

    def __init__(self, field: Field, known: Sequence[str]) -> None:
        noun = "metric" if field.group == "metrics" else "parameter"
        near = get_close_matches(field.key, known, n=3)
        shown = near or known[:_MOST_SHOWN]
        rest = len(known) - len(shown) if not near else 0
        names = f"{', '.join(shown)}{f' and {rest:,} more' if rest else ''}"
        super().__init__(
            f"No run has a {noun} {field.key!r}.",
            hint=f"Did you mean {' or '.join(near)}?"
            if near
            else f"There are {names}."
            if shown
            else f"No run has logged a {noun} yet.",
        )
        self.code = f"{noun}-not-found"  # type: ignore[misc]  # one class for both


def read_order(text: str) -> Order:
    """Read ``metrics.auc``, ``params.C asc``; metrics, times and durations fall unless told otherwise. Raises ``BadWhere``."""
    field, direction = ORDERS.field(text, option="--order")
    return Order(field, direction == "desc" if direction else field.kind in _FROM_THE_TOP)


def read_columns(text: str) -> tuple[Field, ...]:
    """Read ``metrics.auc, params.C, status``; nothing where there is no text. Raises ``BadWhere``."""
    return RUNS.fields_in(text, option="--columns")


@dataclass(frozen=True, kw_only=True)
class RunQuery:
    """Which runs, in which order, and which page of them."""

    where: Node = EVERY
    order: Order = NEWEST
    experiment: str | None = None
    limit: int = 100
    skip: int = 0
    """Runs before the page."""
    deleted: bool = False
    """Whether those in the trash are meant, instead of all others."""
    count: bool = False
    """Whether to count all that match, which takes longer than the page where the filter says much."""
    columns: tuple[Field, ...] | None = None
    """The metrics and parameters that are wanted; ``None`` for all, of which a run may have thousands."""
    roots: bool = False
    """Whether to leave out runs whose parent is there, too: not deleted, and in the same experiment."""
    children: bool = False
    """Whether to tell how many child runs each of the page has."""


def with_terms(where: Node = EVERY, **attributes: str | None) -> Node:
    """Return a filter that also asks for these attributes; those that are ``None`` are not asked for."""
    more = [
        Compare(Field("", key, RUNS.fields[key]), "=", value) for key, value in attributes.items() if value is not None
    ]
    return And((*more, where)) if more else where  # these are quick to decide


VALUES: Final = Field("", "values", "text")
"""All that a run was given, and the tags that a person set; nobody can name it in a filter."""
_NAMES: Final = (Field("", "name", "text"), Field("", "experiment", "text"))
_OF_MACHINES: Final = ("mlflow.", "mlops.")
_ID_BEGINNING: Final = re.compile(r"[0-9a-f]{4,32}")


def named(words: str) -> Node:
    """Return a filter for what was typed without any operator.

    Each word is in the name, or in the value of a parameter or of a tag that a person set, or says experiment, status or id.
    """
    return And(tuple(_named(word) for word in words.split()))


def _named(word: str) -> Node:
    anywhere = f"%{word}%"
    parts = [Compare(field, "ilike", anywhere) for field in (*_NAMES, VALUES)]
    if word.upper() in get_args(RunStatus):
        parts.append(Compare(Field("", "status", "status"), "=", word.upper()))
    if _ID_BEGINNING.fullmatch(word):
        parts.append(Compare(Field("", "id", "text"), "like", f"{word}%"))
    return Or(tuple(parts))


class RunFields(Record, frozen=True, kw_only=True):
    """What runs can be filtered and ordered by: their own fields, and the names of what they logged."""

    fields: Mapping[str, FieldKind]
    metrics: list[str]
    params: list[str]
    tags: list[str]


class RunPage(Record, frozen=True, kw_only=True):
    """Some of the runs that match."""

    items: list[Run] = []
    next: str = ""
    """What ``after`` has to be for the following page; empty on the last one."""
    n_matching: int | None = None
    """How many runs match, on this page and others; ``None`` where nobody asked, or a server has too many to count."""
    note: str = ""
    """What the page leaves out, where a server could not be asked for all of it."""
    n_children: dict[RunId, int] = {}
    """How many child runs those of the page have, where somebody asked; runs without children are left out."""


def found_in(run: Run, field: Field) -> Found:
    """Return what a run has in a field, ``None`` where it has nothing."""
    if field.group == "metrics":
        value = run.metrics.get(field.key)
        return None if value is None else float(value)
    if field.group:
        return (run.params if field.group == "params" else run.tags).get(field.key)
    return _ATTRIBUTES[field.key](run) if field.key in _ATTRIBUTES else getattr(run, field.key) or None


_ATTRIBUTES: Final[dict[str, Callable[[Run], Found]]] = {
    "started": lambda run: _ms(run.started_at or None),
    "ended": lambda run: _ms(run.ended_at),
    "duration": lambda run: _ms(run.duration_s),
    "run": lambda run: run.id,
    VALUES.key: lambda run: [
        *run.params.values(),
        *(value for key, value in run.tags.items() if not key.startswith(_OF_MACHINES)),
    ],
}
"""Those that are not a run's by the same name."""


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
