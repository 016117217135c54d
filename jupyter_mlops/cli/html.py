"""Views as HTML for a notebook: JupyterLab's colours where there are some, plain ones elsewhere, everything escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from jupyter_mlops.cli.term import Tone, diff_tone, printable
from jupyter_mlops.cli.view import Age, Block, Facts, Heading, Note, Pictures, Spark, Table, Text, View, Word, named

_COLOURS: Final[dict[Tone, str]] = {
    "good": "var(--jp-success-color1, #388e3c)",
    "bad": "var(--jp-error-color1, #d32f2f)",
    "busy": "var(--jp-info-color1, #0288d1)",
    "quiet": "var(--jp-ui-font-color2, inherit)",
}
_LINE: Final = "1px solid var(--jp-border-color2, rgba(128,128,128,.35))"
_CELL: Final = "padding:3px 14px 3px 0;vertical-align:top;"
_SPARK_WIDTH: Final = 110
_SPARK_HEIGHT: Final = 20
_PICTURE: Final = re.compile(r"data:image/(?:png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=]*")
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
            body = _text(block.body, is_diff=block.is_diff)
        case Note():
            return _paragraph(block.text, block.tone)
        case Heading():
            return _heading(block)
        case Pictures():
            body = "".join(_picture(name, address) for name, address in block.items)
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


def _text(body: str, *, is_diff: bool = False) -> str:
    plain = _ANSI.sub("", body).rstrip("\n")
    if is_diff:
        text = "\n".join(_span(Word(line, diff_tone(line))) for line in printable(plain).split("\n"))
    else:
        text = escape(plain)
    wrap = "white-space:pre;" if is_diff else ""
    return (
        f'<pre style="margin:4px 0;padding:6px 10px;overflow-x:auto;{wrap}background:var(--jp-cell-editor-background, '
        f'rgba(128,128,128,.12));font-family:var(--jp-code-font-family, monospace)">{text}</pre>'
    )


def _paragraph(text: str, tone: Tone) -> str:
    if not text:
        return ""
    colour = f";color:{_COLOURS[tone]}" if tone in _COLOURS else ""
    return f'<p style="margin:4px 0{colour}">{escape(text)}</p>'


def _heading(block: Heading) -> str:
    # A viewer that drops every style still shows a strong name, a state and an aside, with spaces between.
    aside = f' &nbsp;<span style="color:{_COLOURS["quiet"]}">{escape(block.aside)}</span>' if block.aside else ""
    return f'<p style="margin:2px 0 6px"><strong>{escape(block.name)}</strong> &nbsp;{_span(block.state)}{aside}</p>'


def _picture(name: str, address: str) -> str:
    if not _PICTURE.fullmatch(address):
        return _paragraph(name, "plain")
    # White behind it: most figures are drawn for paper, with transparent margins.
    return (
        f'<img src="{address}" alt="{escape(name)}" title="{escape(name)}" '
        'style="max-width:240px;max-height:180px;margin:2px 8px 2px 0;background:#fff;vertical-align:top">'
    )


def _spark(spark: Spark) -> str:
    """Draw a curve in the colour of the text around it; where drawings and styles are stripped, as on GitHub, in blocks."""
    spots = polyline(spark.points, width=_SPARK_WIDTH, height=_SPARK_HEIGHT)
    return (
        f'<span aria-hidden="true" style="font-size:0">{escape(spark)}</span>'
        f'<svg viewBox="0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}" width="{_SPARK_WIDTH}" height="{_SPARK_HEIGHT}" '
        f'role="img" aria-label="curve" style="vertical-align:middle"><polyline points="{spots}" fill="none" '
        'stroke="currentColor" stroke-width="1.3" stroke-linejoin="round"/></svg>'
    )


def polyline(points: Sequence[tuple[float, float]], *, width: int, height: int) -> str:
    """Return where the points of a curve lie in a box, as SVG writes it."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    pad = 2.0

    def place(value: float, values: Sequence[float], room: float) -> float:
        low, high = min(values) / 2, max(values) / 2  # halves: the span of huge values has no float
        return (value / 2 - low) / (high - low) * room if high > low else room / 2

    return " ".join(
        f"{pad + place(x, xs, width - 2 * pad):.1f},{height - pad - place(y, ys, height - 2 * pad):.1f}"
        for x, y in points
    )


def _span(text: str) -> str:
    if isinstance(text, Spark) and text.points:
        return _spark(text)
    if isinstance(text, Age):
        return f'<span style="white-space:nowrap">{escape(text.moment)}</span>'
    tone = getattr(text, "tone", "plain")
    if tone in _COLOURS:
        return f'<span style="color:{_COLOURS[tone]}">{escape(text)}</span>'
    return escape(text)
