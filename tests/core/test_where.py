"""The language of ``--where``: what it reads, what it means, and what it points at when it cannot be read."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.core.search import RUNS, read_order
from jupyter_mlops.core.where import Compare, Field, fields_of, holds, like
from jupyter_mlops.core.wherelex import BadWhere
from jupyter_mlops.core.whereparse import Language

THINGS = Language(
    groups={"tags": "any", "metrics": "number"},
    fields={"name": "text", "version": "any", "alias": "any"},
    example="tags.team = 'risk'",
)


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("tags.team = 'risk'", "risk", True),
        ('tags.team == "risk"', "other", False),
        ("tags.team != 'risk'", None, True),
        ("tags.team <> 'risk'", "risk", False),
        ("tags.team = 'risk'", None, False),
        ("not tags.team = 'risk'", None, True),
        ("tags.`my team` = 'it''s'", "it's", True),
        ('tags."my team" = "say ""so"""', 'say "so"', True),
        ("version > 2", 3, True),
        ("version <= 2", 3, False),
        ("tags.auc >= 0.9", "0.95", True),
        ("tags.auc > 1e-3", ".5", True),
        ("tags.auc >= 0.9", "high", False),
        ("tags.auc != 0.9", "high", True),
        ("tags.n > 9", "10", True),
        ("tags.n > '9'", "10", False),
        ("tags.code = '007'", "7", False),
        ("tags.code = 7", "007", True),
        ("tags.code = 1", "inf", False),
        ("alias = 'champion'", ["champion", "old"], True),
        ("alias != 'champion'", ["champion"], False),
        ("alias like 'ch%'", ["old", "champion"], True),
        ("tags.a like '%isk'", "RISK", False),
        ("tags.a ilike '%isk'", "RISK", True),
        ("tags.a not like 'r_sk'", "risk", False),
        ("tags.a in ('x', 3)", "3.0", True),
        ("tags.a not in ('x', 3)", None, True),
        ("tags.a is null", None, True),
        ("tags.a IS NOT NULL", "", True),
        ("metrics.m > -inf", math.nan, False),
        ("metrics.m = nan", math.nan, True),
        ("metrics.m != nan", 1.0, True),
        ("metrics.m < inf", 1.0, True),
        ("(tags.a = 'x' or tags.a = 'y') and not (tags.a = 'y')", "y", False),
        ("tags.a = 'x' or tags.a = 'y' and tags.a = 'z'", "x", True),
    ],
)
def test_a_filter_holds_or_not(text, found, expected):
    assert holds(THINGS.parse(text), lambda _: found) is expected


def test_times_count_from_now_or_are_dates():
    now = time.time()
    week = RUNS.parse("started > -7d", now=now)
    assert week == Compare(Field("", "started", "time"), ">", round((now - 7 * 86400) * 1000))
    utc = RUNS.parse("ended <= 2026-11-21T10:00:00Z")
    assert utc.value == datetime(2026, 11, 21, 10, tzinfo=UTC).timestamp() * 1000
    local = datetime(2026, 11, 21).astimezone().timestamp() * 1000
    assert RUNS.parse("started >= 2026-11-21").value == RUNS.parse("started >= '2026-11-21 00:00'").value == local
    assert RUNS.parse("duration < 1.5h").value == 5_400_000


def test_an_order_falls_for_measures_and_rises_for_names_unless_told():
    falls = {text: read_order(text).descending for text in ("metrics.auc", "started", "duration", "params.C", "name")}
    assert falls == {"metrics.auc": True, "started": True, "duration": True, "params.C": False, "name": False}
    assert read_order("metrics.`val loss` ASC").field.key == "val loss"
    assert not read_order("metrics.auc asc").descending


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "a field"),
        ("team = 'risk'", 1, "a field"),
        ("tag.team = 'risk'", 1, "a field"),
        ("tags.team 'risk'", 11, "one of = !="),
        ("tags.team = risk", 13, "a number or a text in quotes"),
        ("tags.team = 'risk", 13, "the closing quote"),
        ("tags.team = 'risk' xor status = 'x'", 20, "`and`, `or` or the end"),
        ("tags.team = 'risk' and", 23, "a field"),
        ("metrics.auc > 0.9 ;", 19, "a field, an operator"),
        ("metrics.auc > 'high'", 15, "a number, inf or nan"),
        ("metrics.auc > 5m", 15, "a number, inf or nan"),
        ("metrics.auc like '9%'", 13, "one of = != < <= > >= in is"),
        ("(metrics.auc > 1", 17, "`and`, `or` or `)`"),
        ("metrics.auc > 1)", 16, "`and`, `or` or the end"),
        ("params.a in 'x'", 13, "`(`"),
        ("params.a in ('x' 'y')", 18, "`,` or `)`"),
        ("params.a in ()", 14, "a number or a text in quotes"),
        ("params.a is 3", 13, "`null` or `not null`"),
        ("params.a like 3", 15, "a pattern in quotes"),
        ("started > 7", 11, "a time"),
        ("started > -7x", 11, "a time"),
        ("started > 2026-13-01", 11, "a time"),
        ("started > 9999999999999d", 11, "a time"),
        ("duration > 'long'", 12, "a duration"),
        ("status = 'DONE'", 10, "a status in quotes (SCHEDULED, RUNNING"),
        ("(" * 60 + "name = 'x'" + ")" * 60, 52, "at most 50"),
        (" or ".join(["name = 'x'"] * 201), 2811, "at most 200 comparisons"),
        ("name = '" + "x" * 10_000 + "'", 10_001, "at most 10,000 characters"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text, column, expected):
    with pytest.raises(BadWhere, match=f"cannot be read at column {column}:") as caught:
        RUNS.parse(text)
    assert f"expected {expected}" in caught.value.message
    line, mark = caught.value.excerpt.splitlines()
    assert mark.strip() == "^"
    at = mark.index("^")
    assert line[at : at + 1] in {text[column - 1 : column], ""}


def test_an_order_that_cannot_be_read_names_its_option():
    with pytest.raises(BadWhere, match=r"--order cannot be read at column 13: expected `asc`, `desc` or the end"):
        read_order("metrics.auc up")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        node = RUNS.parse(text)
    except BadWhere:
        return
    assert list(fields_of(node))


def test_a_pattern_takes_no_time_that_explodes():
    began = time.process_time()
    assert not like("a" * 5000, "%a" * 40 + "b")
    assert time.process_time() - began < 1
