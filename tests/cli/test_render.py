"""Rendering: aligned, bounded, escaped, and JSON that says the same."""

from __future__ import annotations

import io
import json

import pytest

from jupyter_mlops.cli.html import to_html
from jupyter_mlops.cli.render import narrowed, show, to_json, to_mime, to_text
from jupyter_mlops.cli.services import Service  # its module says how a service is shown
from jupyter_mlops.cli.term import cells, cut, has_colour, one_line
from jupyter_mlops.cli.view import Done, Facts, Json, Listing, Note, Table, Text, Word, shows
from jupyter_mlops.cli.words import age
from jupyter_mlops.core.service import Deployment

SERVICE = Service(
    name="churn",
    host="process",
    port=4711,
    state="ready",
    n_ready=1,
    deployments=[Deployment(name="m1", manifest="churn:1")],
)


class Page:
    """Anything, shown as given blocks."""

    def __init__(self, *blocks):
        self.blocks = list(blocks)


@shows(Page)
def _page(page):
    return page.blocks


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_columns_line_up_and_numbers_stand_to_the_right():
    page = Page(Table(headers=("=NAME", ">N"), rows=[("a", "1"), ("long name", "100")]))
    assert to_text(page).splitlines() == ["NAME         N", "a            1", "long name  100"]


def test_wide_characters_take_two_columns():
    page = Page(Table(headers=("NAME", "X"), rows=[("모델", "1"), ("abcd", "2")]))
    assert [cells(line) for line in to_text(page).splitlines()] == [7, 7, 7]


def test_the_widest_text_column_gives_way_first_and_numbers_never():
    assert narrowed([10, 40, 30, 5], 60, [False, False, False, True]) == [10, 22, 23, 5]
    assert narrowed([10, 40], 20, [False, True]) == [6, 40]
    assert narrowed([10, 10], 30, [False, False]) == [10, 10]


@pytest.mark.parametrize("width", [70, 74, 80])
def test_no_line_is_wider_than_the_terminal(width):
    text = to_text(Listing([SERVICE] * 2, of=Service, empty=""), width=width)
    assert max(cells(line) for line in text.splitlines()) <= width


def test_what_does_not_fit_ends_with_an_ellipsis():
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcdef", 6) == "abcdef"
    assert cells(cut("모델모델", 5)) <= 5


def test_names_cannot_drive_the_terminal():
    assert one_line("a\x1b[2Jb\nc") == "a\\x1b[2Jb c"
    assert "\x1b" not in to_text(Page(Table(headers=("N",), rows=[("\x1b[31mred",)])))


def test_states_are_coloured_on_a_terminal_and_not_under_no_color(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    show(Page(Facts(pairs=[("state", Word("ready", "good"))])), out)
    assert "\x1b[32mready\x1b[0m" in out.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colour(out)
    out = Terminal()
    show(Page(Facts(pairs=[("state", Word("ready", "good"))])), out)
    assert out.getvalue() == "state  ready\n"


def test_a_pipe_gets_neither_colours_nor_cut_lines():
    out = io.StringIO()
    show(Page(Table(headers=("N",), rows=[("x" * 500,)])), out)
    assert out.getvalue() == "N\n" + "x" * 500 + "\n"


def test_an_empty_list_says_what_to_do():
    assert to_text(Listing([], of=Service, empty="Deploy one.")) == "Deploy one."
    assert "Deploy one." in to_mime(Listing([], of=Service, empty="Deploy one."))["text/html"]


def test_json_of_a_list_has_items_and_of_a_record_its_fields_and_its_url():
    assert json.loads(to_json(Listing([], of=Service, empty=""))) == {"items": []}
    found = json.loads(to_json(Listing([SERVICE], of=Service, empty="")))["items"][0]
    assert found["name"] == "churn"
    assert found["url"] == "http://127.0.0.1:4711"
    assert json.loads(to_json(Done(message="Did it.", facts={"n": 1}))) == {"n": 1}


def test_a_notebook_gets_html_and_the_same_as_text():
    bundle = to_mime(SERVICE)
    assert set(bundle) == {"text/plain", "text/html"}
    for shown in bundle.values():
        assert "churn" in shown
        assert "http://127.0.0.1:4711/score" in shown
    assert to_mime(Json(value=SERVICE))["application/json"]["url"] == "http://127.0.0.1:4711"


def test_html_escapes_everything_a_user_can_name():
    evil = "<script>alert(1)</script>&\"'"
    blocks = [
        Table(title=evil, headers=(evil,), rows=[(Word(evil, "bad"),), (evil,)]),
        Table(headers=("x",), rows=[], empty=evil),
        Facts(title=evil, pairs=[(evil, evil)]),
        Text(title=evil, body=evil),
        Note(text=evil, tone="bad"),
    ]
    html = to_html(blocks)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 11


def test_html_takes_its_colours_from_jupyterlab_with_others_to_fall_back_on():
    html = to_mime(SERVICE)["text/html"]
    for part in html.split("var(")[1:]:
        name, comma, _ = part.partition(",")
        assert name.startswith("--jp-")
        assert comma


def test_terminal_colours_in_a_log_do_not_reach_the_html():
    assert "\x1b" not in to_html([Text(body="\x1b[31mred\x1b[0m")])


def test_addresses_are_whole_on_a_narrow_terminal():
    text = to_text(Listing([SERVICE], of=Service, empty=""), width=40)
    assert "http://127.0.0.1:4711" in text
    assert "=URL" not in text


def test_a_notebook_is_told_when_it_was_since_it_is_read_at_another_time():
    past = age(1e9, now=1e9 + 125)
    table = Table(headers=("STARTED",), rows=[(past,)])
    assert past == "2 min ago"
    assert "2001-09-0" in to_html([table])
    assert "ago" not in to_html([table])
