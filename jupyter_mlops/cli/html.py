"""Views as HTML for a notebook: JupyterLab's colours where there are some, plain ones elsewhere, everything escaped."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from jupyter_mlops.cli.term import Tone
from jupyter_mlops.cli.view import Block, Facts, Note, Table, Text, View, named

_COLOURS: Final[dict[Tone, str]] = {
    "good": "var(--jp-success-color1, #388e3c)",
    "bad": "var(--jp-error-color1, #d32f2f)",
    "busy": "var(--jp-info-color1, #0288d1)",
    "quiet": "var(--jp-ui-font-color2, inherit)",
}
_LINE: Final = "1px solid var(--jp-border-color2, rgba(128,128,128,.35))"
_CELL: Final = "padding:3px 14px 3px 0;vertical-align:top;"
_ANSI: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def to_html(view: View) -> str:
    """Return the blocks of a view as one element."""
    inner = "".join(_block(block) for block in view)
    return f'<div class="mlops-view" style="color:var(--jp-content-font-color1, inherit);line-height:1.5">{inner}</div>'


def _block(block: Block) -> str:
    match block:
        case Table():
            body = _table(block) if block.rows else _paragraph(block.empty, "quiet")
        case Facts():
            body = _facts(block)
        case Text():
            body = _text(block.body)
        case Note():
            return _paragraph(block.text, block.tone)
    return f'<div style="margin:8px 0 2px;font-weight:600">{escape(block.title)}</div>{body}' if block.title else body


def _table(block: Table) -> str:
    sides = ["right" if header.startswith(">") else "left" for header in block.headers]
    head = "".join(
        f'<th style="{_CELL}text-align:{side};font-weight:600;border-bottom:{_LINE}">{escape(named(header))}</th>'
        for header, side in zip(block.headers, sides, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_CELL}text-align:{side}">{_span(cell)}</td>' for cell, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for row in block.rows
    )
    return f'<table style="border-collapse:collapse;margin:4px 0"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _facts(block: Facts) -> str:
    rows = "".join(
        f'<tr><td style="{_CELL}text-align:left;color:{_COLOURS["quiet"]}">{escape(label)}</td>'
        f'<td style="{_CELL}text-align:left">{_span(value)}</td></tr>'
        for label, value in block.pairs
        if value
    )
    return f'<table style="border-collapse:collapse;margin:4px 0"><tbody>{rows}</tbody></table>'


def _text(body: str) -> str:
    text = escape(_ANSI.sub("", body).rstrip("\n"))
    return (
        '<pre style="margin:4px 0;padding:6px 10px;overflow-x:auto;background:var(--jp-layout-color2, '
        f'rgba(128,128,128,.12));font-family:var(--jp-code-font-family, monospace)">{text}</pre>'
    )


def _paragraph(text: str, tone: Tone) -> str:
    if not text:
        return ""
    colour = f";color:{_COLOURS[tone]}" if tone in _COLOURS else ""
    return f'<p style="margin:4px 0{colour}">{escape(text)}</p>'


def _span(text: str) -> str:
    tone = getattr(text, "tone", "plain")
    if tone in _COLOURS:
        return f'<span style="color:{_COLOURS[tone]}">{escape(text)}</span>'
    return escape(text)
