"""Words: quantities as a person reads them."""

from __future__ import annotations

import pytest

from jupyter_mlops.cli.words import age, count, duration, in_blocks, number, pairs, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.214, "0.21 s"), (2.34, "2.3 s"), (12.3, "12 s"), (185, "3 min 05 s"), (7625, "2 h 07 min"), (None, "")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (3, "just now"),
        (30, "30 s ago"),
        (125, "2 min ago"),
        (7300, "2 h ago"),
        (90000, "1 day ago"),
        (2e5, "2 days ago"),
        (-9, "just now"),
    ],
)
def test_ages(past, text):
    assert age(1e9 - past, now=1e9) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (123_456_789, "123 MB"), (2.5e12, "2.5 TB")]
)
def test_sizes(n_bytes, text):
    assert size(n_bytes) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.98765, "0.9877"), (3.0, "3"), ("NaN", "NaN"), (1e-9, "1e-09"), (1e20, "1e+20")]
)
def test_numbers(value, text):
    assert number(value) == text


def test_pairs_say_how_many_more_there_are():
    assert pairs({"a": 1, "b": 2, "c": 3}, most=2) == "a=1 b=2 +1"
    assert pairs({"a": 1}) == "a=1"


def test_counts():
    assert count(1, "file") == "1 file"
    assert count(20_000, "file") == "20,000 files"


def test_blocks_rise_with_the_values_also_with_huge_and_equal_ones():
    assert in_blocks([float(n) for n in range(8)]) == "▁▂▃▄▅▆▇█"
    assert in_blocks([-1.7e308, 1.7e308]) == "▁█"
    assert in_blocks([2.0, 2.0]) == "▁▁"
    assert in_blocks([2.0]) == ""
    assert len(in_blocks([float(n) for n in range(500)], width=20)) == 20
