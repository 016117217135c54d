"""Program: statements in the order of their execution, and for each name what made it what it is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeVar

from jupyter_mlops.training.scan import Effect, Found, Place
from jupyter_mlops.training.statements import Statement

Owner = TypeVar("Owner")


@dataclass(frozen=True, slots=True)
class Step(Generic[Owner]):
    """A statement that made a name what it is."""

    index: int
    text: str
    statement: Statement
    owner: Owner
    effect: Effect


class Program(Generic[Owner]):
    """A list of statements that only grows; ``Owner`` is the cell or execution that a statement belongs to."""

    def __init__(self) -> None:
        self._owners: list[tuple[Statement, Owner, str]] = []
        self._steps: dict[str, list[tuple[int, Effect]]] = {}
        self._acting: dict[str, Found] = {}
        """Functions that bind or change the notebook's names when they are called."""

    def __len__(self) -> int:
        return len(self._owners)

    def texts(self) -> dict[str, int]:
        """Return where each statement that changes something stands last."""
        return {text: index for index, (_, _, text) in enumerate(self._owners) if text}

    def statement(self, index: int) -> tuple[Statement, Owner]:
        """Return a statement and whose it is."""
        return self._owners[index][:2]

    def append(self, statement: Statement, owner: Owner, *, more: Iterable[str] = (), stopped: bool = False) -> None:
        """Add a statement. ``more`` are names that it bound though its text does not tell; it may have been stopped."""
        index = len(self._owners)
        self._owners.append((statement, owner, f"{statement.text} stopped" if stopped else statement.text))
        if statement.clears:
            self._steps.clear()
        does = statement.does
        for effect in does.effects:
            self._steps.setdefault(effect.name, []).append((index, effect))
        for name in more:
            self._steps.setdefault(name, []).append((index, Effect(name)))
        if self._acting:
            self._call(does, index)
        for effect in does.effects:
            self._acting.pop(effect.name, None)
        for name, body in does.later.items():
            if body.effects:
                self._acting[name] = body

    def _call(self, does: Found, index: int) -> None:
        for name, _ in does.reads:
            body = self._acting.get(name)
            if body is None:
                continue
            statement, owner, text = self._owners[index]
            self._owners[index] = (statement, owner, text or f"calls {name}")
            for effect in body.effects:
                self._steps.setdefault(effect.name, []).append((index, effect))

    def chain(self, place: Place, before: int) -> list[Step[Owner]]:
        """Return what made ``place`` what it is just before the statement ``before``, oldest first.

        It begins with the last statement that bound the name anew. What was overwritten since is left out, and what
        may be repeated without changing anything counts once.
        """
        name, key = place
        entries = self._steps.get(name)
        if not entries:
            return []
        found: list[Step[Owner]] = []
        overwritten: set[str] = set()
        for number in range(bisect_left(entries, before, key=itemgetter(0)) - 1, -1, -1):
            index, effect = entries[number]
            if key is not None and effect.key is not None and effect.key != key:
                continue
            statement, owner, text = self._owners[index]
            if effect.key is not None:
                if effect.key in overwritten:
                    continue
                if effect.settled:
                    overwritten.add(effect.key)
            found.append(Step(index, text, statement, owner, effect))
            if effect.whole or (key is not None and effect.key == key and effect.settled):
                break
        return _condensed(found[::-1])

    def body(self, name: str, chain: list[Step[Owner]]) -> Found | None:
        """Return what the function or class of that name does when it is called."""
        return chain[0].statement.does.later.get(name) if chain else None


def _condensed(chain: list[Step[Owner]]) -> list[Step[Owner]]:
    if len(chain) < 2:  # noqa: PLR2004  # nothing to put in order
        return chain
    if chain[0].statement.imports:  # `sys.path.append(...)` makes no other module of it
        return chain[:1]
    once: dict[object, Step[Owner]] = {}
    for number, step in enumerate(chain):
        # the place of the first, the circumstances of the last
        once[step.text if step.effect.settled else number] = step
    ordered: list[Step[Owner]] = []
    parts: list[Step[Owner]] = []
    for step in once.values():
        if step.effect.key is None:
            ordered += [*sorted(parts, key=_key), step]
            parts = []
        else:
            parts.append(step)  # parts that were set on their own may be set in any order
    return [*ordered, *sorted(parts, key=_key)]


def _key(step: Step[Owner]) -> str:
    return step.effect.key or ""
