"""``ml.collect``: fields that a scoring script adds to the telemetry of the request that it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import msgspec

MOST_BYTES: Final = 16_384
"""Of one request's fields, as JSON; what comes beyond is left out."""


class Scope:
    """One request while a script answers it."""

    __slots__ = ("fields", "n_left", "request_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.fields: dict[str, msgspec.Raw] = {}
        self.n_left = MOST_BYTES


@dataclass(frozen=True)
class Asked:
    """A request's data on its way to a script."""

    data: Any
    scope: Scope


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def collect(**fields: Any) -> None:
    """Add fields to the telemetry of the request that the script is answering: ``ml.collect(score=0.3, branch="a")``.

    Values are what JSON has, or numpy's; anything else is kept as its text. A name given again is replaced. Outside of a
    request (when the script is tried out in a notebook) it does nothing, and it raises nothing.
    """
    scope = _current.get()
    if scope is None:
        return
    for name, value in fields.items():
        data = _encoded(value)
        size = len(name) + len(data)
        if size <= scope.n_left:
            scope.n_left -= size
            scope.fields[name] = msgspec.Raw(data)


@contextmanager
def within(scope: Scope | None) -> Iterator[None]:
    """Let ``collect`` and the log know which request is being answered."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


def request_id() -> str:
    """Return the id of the request that is being answered; empty where there is none."""
    scope = _current.get()
    return "" if scope is None else scope.request_id


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except Exception:  # noqa: BLE001 - a value that has no JSON must not fail an answer
        return msgspec.json.encode(_text(value))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return value.tolist()
    return _text(value)


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the same
        return f"<{type(value).__name__}>"
