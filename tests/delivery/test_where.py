"""The language of ``--where``."""

from __future__ import annotations

import pytest

from jupyter_mlops.delivery.where import BadWhere, parse

FIELDS = ("name", "version", "alias")


@pytest.mark.parametrize(
    ("text", "found", "holds"),
    [
        ("tags.team = 'risk'", "risk", True),
        ('tags.team == "risk"', "other", False),
        ("tags.team != 'risk'", None, True),
        ("tags.team = 'risk'", None, False),
        ("tags.`my team` = 'it''s'", "it's", True),
        ("version > 2", 3, True),
        ("version <= 2", 3, False),
        ("tags.auc >= 0.9", "0.95", True),
        ("tags.auc >= 0.9", "high", False),
        ("tags.auc != 0.9", "high", True),
        ("alias = 'champion'", ["champion", "old"], True),
        ("alias != 'champion'", ["champion"], False),
        ("tags.code = '007'", "7", False),
    ],
)
def test_a_condition_holds_or_not(text, found, holds):
    (condition,) = parse(text, FIELDS)
    assert condition.holds(found) is holds


def test_conditions_are_joined_by_and():
    first, second = parse("tags.team = 'risk' AND version > 2", FIELDS)
    assert (first.field, second.field, second.value) == ("tags.team", "version", 2.0)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("team = 'risk'", 1),
        ("tags.team 'risk'", 11),
        ("tags.team = risk", 13),
        ("tags.team = 'risk", 13),
        ("tags.team = 'risk' or version = 1", 20),
        ("tags.team = 'risk' and", 23),
        ("version > 2 ;", 13),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text, column):
    with pytest.raises(BadWhere, match=f"column {column}:"):
        parse(text, FIELDS)
