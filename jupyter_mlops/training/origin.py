"""Where a run comes from, as the tags that MLflow keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from jupyter_mlops.core.origin import CellOrigin, HiddenName
from jupyter_mlops.core.record import decode, encode

REPRODUCIBLE: Final = "mlops.reproducible"
"""``false`` when hidden state was found; absent otherwise, since nobody can promise the contrary."""
HIDDEN: Final = "mlops.hidden_state"
CELL: Final = "mlops.cell"
_MOST_CHARS: Final = 5000


def cell_tags(cell: CellOrigin) -> dict[str, str]:
    """Return the tag that says which cell a run is."""
    return {CELL: encode(cell).decode()}


def cell_of(tags: Mapping[str, str]) -> CellOrigin | None:
    """Return which cell a run is; ``None`` for one that is none."""
    return decode(tags[CELL], CellOrigin) if CELL in tags else None


def hidden_tags(hidden: Sequence[HiddenName]) -> dict[str, str]:
    """Return the tags that say what a run used and its notebook would not give again; as many as a tag can hold."""
    names = list(hidden)
    while len(names) > 1 and len(msgspec.json.encode(names)) > _MOST_CHARS:
        names.pop()
    return {REPRODUCIBLE: "false", HIDDEN: msgspec.json.encode(names).decode()}


def hidden_of(tags: Mapping[str, str]) -> list[HiddenName]:
    """Return what a run used and its notebook would not give again."""
    return decode(tags[HIDDEN], list[HiddenName]) if HIDDEN in tags else []
