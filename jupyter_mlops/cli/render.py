"""Rendering of results: tables on a terminal, JSON for machines, a MIME bundle for a notebook."""

from __future__ import annotations

import sys
from typing import Any, Final, TextIO

import msgspec

from jupyter_mlops.cli.html import to_html
from jupyter_mlops.cli.term import can_show, cells, cut, diff_tone, one_line, paint, printable, width_of
from jupyter_mlops.cli.view import (
    Block,
    Done,
    Facts,
    Heading,
    Json,
    Listing,
    Note,
    Pictures,
    Table,
    Text,
    Word,
    named,
    view,
)
from jupyter_mlops.core.record import encode, plain

GAP: Final = "  "
NOTEBOOK_WIDTH: Final = 120
"""Columns of the plain text beside a notebook's HTML."""
_LEAST: Final = 6
"""Columns that a narrowed column keeps."""


def show(result: Any, stream: TextIO | None = None) -> None:
    """Write a command's result for a terminal, or as JSON if that was asked for."""
    out = stream or sys.stdout
    as_json = isinstance(result, Json)
    text = to_json(result.value) if as_json else to_text(result, width=width_of(out), colours=out)
    if not can_show(text):
        text = text.encode(sys.stdout.encoding, "replace").decode(sys.stdout.encoding)
    out.write(f"{text}\n")


def to_json(value: Any) -> str:
    """Return a result as JSON: the record, or ``{"items": [...]}`` for a list."""
    return msgspec.json.format(encode(_bare(value)), indent=2).decode()


def to_mime(result: Any) -> dict[str, Any]:
    """Return a result as a MIME bundle: plain text and HTML; JSON and plain text when JSON was asked for."""
    if isinstance(result, Json):
        return {"text/plain": to_json(result.value), "application/json": plain(_bare(result.value))}
    return {"text/plain": to_text(result, width=NOTEBOOK_WIDTH), "text/html": to_html(view(result))}


def to_text(result: Any, *, width: int | None = None, colours: TextIO | None = None) -> str:
    """Return a result as aligned text of at most ``width`` columns, coloured if ``colours`` shows colours."""
    return "\n\n".join(filter(None, (_block(block, width, colours) for block in view(result))))


def _bare(value: Any) -> Any:
    if isinstance(value, Listing):
        return {"items": [_bare(item) for item in value]}
    if isinstance(value, Done):
        return value.facts
    address = getattr(value, "url", None)
    if address is not None and isinstance(value, msgspec.Struct) and "url" not in value.__struct_fields__:
        return {**plain(value), "url": address}
    return value


def _block(block: Block, width: int | None, colours: TextIO | None) -> str:
    match block:
        case Table():
            body = _table(block, width, colours) if block.rows else block.empty
        case Facts():
            body = _facts(block, colours)
        case Text():
            body = block.body.rstrip("\n")
            if block.is_diff:
                body = "\n".join(paint(line, diff_tone(line), colours) for line in printable(body).split("\n"))
        case Note():
            return paint(block.text, block.tone, colours)
        case Heading():
            state = paint(block.state, block.state.tone, colours)
            return "  ".join(filter(None, [paint(one_line(block.name), "strong", colours), state, block.aside]))
        case Pictures():
            body = "\n".join(one_line(name) for name, _ in block.items)
    if body and block.title:
        return f"{paint(block.title, 'strong', colours)}\n{body}"
    return body


def _table(block: Table, width: int | None, colours: TextIO | None) -> str:
    rights = [header.startswith(">") for header in block.headers]
    whole = [header.startswith((">", "=")) for header in block.headers]
    headers = [named(header) for header in block.headers]
    rows = [[Word(one_line(cell), getattr(cell, "tone", "plain")) for cell in row] for row in block.rows]
    widths = [max(cells(text) for text in column) for column in zip(headers, *rows, strict=True)]
    if width is not None:
        widths = narrowed(widths, width - len(GAP) * (len(widths) - 1), whole)
    lines = [_line([Word(header, "quiet") for header in headers], widths, rights, colours)]
    lines += [_line(row, widths, rights, colours) for row in rows]
    return "\n".join(lines)


def narrowed(widths: list[int], room: int, fixed: list[bool]) -> list[int]:
    """Return column widths that fit ``room``: the widest gives way first, those that must stay whole never."""
    widths = list(widths)
    while sum(widths) > room:
        able = [i for i, width in enumerate(widths) if width > _LEAST and not fixed[i]]
        if not able:
            break
        widest = max(able, key=lambda i: widths[i])
        others = sorted((widths[i] for i in able), reverse=True)
        step = max(1, min(sum(widths) - room, widths[widest] - (others[1] if len(others) > 1 else _LEAST)))
        widths[widest] = max(_LEAST, widths[widest] - step)
    return widths


def _line(row: list[Word], widths: list[int], rights: list[bool], colours: TextIO | None) -> str:
    shown = []
    for word, width, right in zip(row, widths, rights, strict=True):
        text = word if right else cut(word, width)
        space = " " * (width - cells(text))
        painted = paint(str(text), word.tone, colours)
        shown.append(space + painted if right else painted + space)
    return GAP.join(shown).rstrip()


def _facts(block: Facts, colours: TextIO | None) -> str:
    pairs = [(label, value) for label, value in block.pairs if value]
    width = max((cells(label) for label, _ in pairs), default=0)
    lines = []
    for label, value in pairs:
        space = " " * (width - cells(label))
        text = paint(one_line(value), getattr(value, "tone", "plain"), colours)
        lines.append(f"{paint(label, 'quiet', colours)}{space}{GAP}{text}")
    return "\n".join(lines)
