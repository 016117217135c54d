"""How much a list or a curve may be asked for."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from jupyter_mlops.core.curve import Span

Most = Annotated[int, Meta(ge=1, le=10_000)]
Place = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""A place on the axis of a curve: what a store has as its largest integer."""


def span(first: int | None, last: int | None) -> Span | None:
    """Return the part of an axis between two places, of which either may be left open; ``None`` for all of it."""
    if first is None and last is None:
        return None
    return -(2**63) if first is None else first, 2**63 - 1 if last is None else last
