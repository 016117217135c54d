"""Trends: a million points become a small curve that still has its spikes."""

from __future__ import annotations

import math
import time

import pytest

from jupyter_mlops.core.curve import Curve
from jupyter_mlops.widgets.trends import MOST_POINTS, SENT_POINTS, Series, thinned, trend_of


def series_of(values):
    series = Series()
    for step, value in enumerate(values):
        series.add(step, value)
    return series


def test_a_few_points_are_kept_as_they_are():
    trend = series_of([3.0, 1.0, 2.0]).trend("loss")
    assert trend.points == [(0, 3.0), (1, 1.0), (2, 2.0)]
    assert (trend.last, trend.lowest, trend.highest, trend.n_points) == (2.0, 1.0, 3.0, 3)


@pytest.mark.parametrize("at", [0, 1, 4321, 49_998, 49_999])
def test_one_spike_in_fifty_thousand_points_is_still_seen(at):
    values = [math.sin(n / 900) for n in range(50_000)]
    values[at] = 9.0
    trend = series_of(values).trend("loss")
    assert trend.n_points == 50_000
    assert max(value for _, value in trend.points) == 9.0
    assert len(trend.points) <= SENT_POINTS
    assert trend.points[0][0] == 0
    assert trend.points[-1][0] == 49_999


def test_memory_stays_bounded_and_adding_stays_cheap():
    series = Series()
    began = time.process_time()
    for step in range(100_000):
        series.add(step, float(step))
    assert time.process_time() - began < 2
    assert len(series._points) <= MOST_POINTS


def test_nan_and_infinities_are_last_values_and_no_points():
    trend = series_of([1.0, "NaN", 2.0, "Infinity"]).trend("loss")
    assert trend.last == "Infinity"
    assert trend.points == [(0, 1.0), (2, 2.0)]
    assert (trend.lowest, trend.highest) == (1.0, 2.0)
    assert series_of(["NaN"]).trend("x").lowest is None


def test_one_value_is_no_curve():
    trend = trend_of(0.9, Curve(key="auc", n_points=1, at=[0], low=[0.9], high=[0.9], last=[0.9]))
    assert (trend.last, trend.points) == (0.9, [])


def test_a_curve_in_buckets_keeps_their_extremes_and_goes_on_from_their_last_values():
    curve = Curve(
        key="loss", n_points=900, at=[3, 6, 9, 12], low=[1.0, 0.5, "NaN", "-Infinity"], high=[4.0, 0.5, "NaN", 2.0],
        last=[1.0, 0.5, "NaN", 2.0],
    )  # fmt: skip
    trend = trend_of("NaN", curve)
    assert trend.points == [(3, 4.0), (3, 1.0), (6, 0.5), (12, 2.0)]
    assert (trend.last, trend.lowest, trend.highest, trend.n_points) == ("NaN", 0.5, 4.0, 900)


def test_thinning_never_gives_more_than_asked_for():
    for n_points in (1, 2, 3, 79, 80, 81, 500):
        assert len(thinned([(n, float(n % 7)) for n in range(n_points)], 80)) <= min(80, n_points)
