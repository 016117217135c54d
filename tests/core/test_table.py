"""Summaries of a group's metrics: mean and sample standard deviation, whatever the numbers are."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.core.table import MetricSummary, summarize


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_mean_and_deviation_are_the_standard_librarys(values):
    found = summarize(values)
    assert found.mean == pytest.approx(statistics.mean(values))
    assert found.sd == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-9)


def test_a_small_spread_about_a_large_mean_keeps_its_digits():
    assert summarize([1e9 + 0.25, 1e9 + 0.5, 1e9 + 0.75]).sd == 0.25


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], MetricSummary(n=0)),
        ([math.nan], MetricSummary(n=0, n_nan=1)),
        ([2.0], MetricSummary(n=1, mean=2.0)),
        ([2.0, math.nan, 4.0], MetricSummary(n=2, n_nan=1, mean=3.0, sd=math.sqrt(2))),
        ([math.inf], MetricSummary(n=1, n_infinite=1, mean="Infinity")),
        ([math.inf, 1.0], MetricSummary(n=2, n_infinite=1, mean="Infinity", sd="NaN")),
        ([-math.inf, -math.inf], MetricSummary(n=2, n_infinite=2, mean="-Infinity", sd="NaN")),
        ([math.inf, -math.inf, 1.0], MetricSummary(n=3, n_infinite=2, mean="NaN", sd="NaN")),
        ([1.5e308, 1.5e308], MetricSummary(n=2, mean=1.5e308, sd=0.0)),
    ],
)
def test_few_missing_and_endless_values_are_what_they_are(values, expected):
    assert summarize(values) == expected
