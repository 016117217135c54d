"""Compares notebooks cell by cell: nbdime finds which cells belong together, each pair is shown as a text is."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

_SHOWN: Final = 8
_MOST_PAIRS: Final = 1000
"""Cells that changed one after the other, before times after, above which they are paired by their order."""

_Pair = tuple[int | None, int | None]


def diff_notebooks(old: str, new: str) -> tuple[str, str] | None:
    """Return how the sources of cells differ, as unified text without its heading, and in a few words what else does.

    Outputs and metadata are not shown, only named. ``None`` when one of the two is no notebook of format 4.
    """
    before, after = _read(old), _read(new)
    if before is None or after is None:
        return None
    left, right = before["cells"], after["cells"]
    text: list[str] = []
    outputs: list[str] = []
    metadata = _rest(before) != _rest(after)
    for a, b in _pairs(left, right):
        one, other = None if a is None else left[a], None if b is None else right[b]
        text += _cell(a, b, one, other)
        if one is not None and other is not None:
            assert b is not None
            if _outputs(one) != _outputs(other):
                outputs.append(str(b + 1))
            metadata |= _rest(one) != _rest(other)
    notes = []
    if outputs:
        shown = ", ".join(outputs[:_SHOWN]) + (f" and {len(outputs) - _SHOWN} more" if len(outputs) > _SHOWN else "")
        notes.append(f"outputs of cell{'s'[: len(outputs) > 1]} {shown} differ")
    if metadata:
        notes.append("metadata differ")
    return "".join(text), ", ".join(notes)


def source_bytes(notebook: str) -> int | None:
    """Return how long the sources of a notebook are, ``None`` when it is none."""
    read = _read(notebook)
    return None if read is None else sum(len(_source(cell)) for cell in read["cells"])


def _read(text: str) -> dict[str, Any] | None:
    try:
        notebook = json.loads(text)
        cells = notebook["cells"]
        whole = notebook.get("nbformat") == 4 and all(isinstance(cell["cell_type"], str) for cell in cells)  # noqa: PLR2004  # the format
        return notebook if whole and all(isinstance(cell["source"], str | list) for cell in cells) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _source(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(map(str, source))


def _outputs(cell: Mapping[str, Any]) -> Any:
    return cell.get("outputs"), cell.get("execution_count"), cell.get("attachments")


def _rest(thing: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"cells", "source", "outputs", "execution_count", "attachments"}
    return {key: value for key, value in thing.items() if key not in shown}


def _bare(cells: Sequence[Mapping[str, Any]]) -> Any:
    """Return a notebook of cells without what they put out: nbdime would compare that too, for minutes."""
    from nbformat import from_dict

    found = []
    for cell in cells:
        bare = {"cell_type": cell["cell_type"], "source": _source(cell), "metadata": {}}
        if cell["cell_type"] == "code":
            bare |= {"outputs": [], "execution_count": None}
        if isinstance(cell.get("id"), str):
            bare["id"] = cell["id"]
        found.append(bare)
    return from_dict({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})  # type: ignore[no-untyped-call]  # nbformat is not typed


def _pairs(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]) -> Iterator[_Pair]:
    """Yield which cell became which, in order; ``None`` for one that was added or removed.

    nbdime tells among the cells between those that are the same: with all of them it takes 20 s for 200 cells.
    """
    old, new = ([(str(cell["cell_type"]), _source(cell)) for cell in cells] for cells in (left, right))
    for how, a, a_end, b, b_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if how == "replace" and (a_end - a) * (b_end - b) <= _MOST_PAIRS:
            between: Iterable[_Pair] = _matched(left[a:a_end], right[b:b_end])
        elif how == "insert":
            between = ((None, i) for i in range(b_end - b))
        elif how == "delete":
            between = ((i, None) for i in range(a_end - a))
        else:
            between = zip_longest(range(a_end - a), range(b_end - b))
        yield from ((None if i is None else a + i, None if j is None else b + j) for i, j in between)


def _matched(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]) -> Iterator[_Pair]:
    """Yield which cell became which, as nbdime sees it."""
    import nbdime

    steps: Sequence[Any] = next((one.diff for one in nbdime.diff_notebooks(_bare(left), _bare(right))), [])
    a = b = 0
    for step in steps:
        while a < step.key:
            yield a, b
            a, b = a + 1, b + 1
        if step.op == "addrange":
            for _ in step.valuelist:
                yield None, b
                b += 1
        elif step.op == "removerange":
            for _ in range(step.length):
                yield a, None
                a += 1
    while a < len(left):
        yield a, b
        a, b = a + 1, b + 1


def _cell(a: int | None, b: int | None, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[str]:
    """Return how a cell changed, each hunk headed by its number and type."""
    cell = new if new is not None else old
    assert cell is not None
    was = f", was cell {a + 1}" if a is not None and b is not None and a != b else ""
    what = ", added" if a is None else ", removed" if b is None else was
    number = b if b is not None else a
    assert number is not None
    kind = str(cell["cell_type"])
    if old is not None and new is not None and old["cell_type"] != new["cell_type"]:
        kind = f"was {old['cell_type']}, now {kind}"
    lines = list(difflib.unified_diff(_lines(old), _lines(new)))[2:]
    if not lines and (a is None or b is None or ", now " in kind):  # an empty cell, or another type alone
        lines = ["@@ -0,0 +0,0 @@\n"]
    return [f"{line[:-1]} cell {number + 1} ({kind}{what})\n" if line.startswith("@@") else line for line in lines]


def _lines(cell: Mapping[str, Any] | None) -> list[str]:
    return [] if cell is None else [f"{line}\n" for line in _source(cell).split("\n")] if _source(cell) else []
