"""REST: finding runs, curves, and experiments that are used and put away."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.run import MetricPoint


@pytest.fixture(autouse=True)
def _runs(here):
    for i in range(3):
        run = here.tracking.create_run("churn", f"run{i}", tags={}, params={})
        points = [MetricPoint(key="val/auc", value=i + step / 10, step=step, at_ms=step + 1) for step in range(5)]
        here.tracking.log(run.id, metrics=points)
        here.tracking.end_run(run.id, "FINISHED")


async def test_runs_come_in_pages_that_follow_each_other(api):
    query = {"order": "metrics.val/auc desc", "limit": 2}
    first = await api("GET", "runs", **query)
    assert [one["name"] for one in first.body["items"]] == ["run2", "run1"]
    assert first.body["n_matching"] is None  # counting costs, so it is asked for
    second = await api("GET", "runs", **query, after=first.body["next"], count="true")
    assert second.body["n_matching"] == 3
    assert [one["name"] for one in second.body["items"]] == ["run0"]
    assert second.body["next"] == ""


@pytest.mark.parametrize(
    ("query", "expected", "said"),
    [
        ({"where": "metrics.auc >"}, (400, "bad-where"), "column 14"),
        ({"where": "metrics.auc > 0.5"}, (404, "metric-not-found"), "'auc'"),
        ({"order": "colour"}, (400, "bad-where"), "--order"),
        ({"after": "x"}, (400, "bad-after"), "'x'"),
        ({"experiment": "none"}, (404, "experiment-not-found"), "'none'"),
    ],
)
async def test_what_makes_no_sense_is_named(api, query, expected, said):
    answer = await api("GET", "runs", **query)
    assert (answer.status, answer.body["code"]) == expected
    assert said in answer.body["detail"]


async def test_a_curve_has_as_many_entries_as_the_chart_has_pixels(api):
    exact = await api("GET", "runs/run1/metrics", key="val/auc")
    assert exact.body["at"] == [0, 1, 2, 3, 4]
    assert exact.body["last"] == [1.0, 1.1, 1.2, 1.3, 1.4]
    coarse = await api("GET", "runs/run1/metrics", key="val/auc", buckets=2, axis="time")
    assert (coarse.body["n_points"], coarse.body["low"], coarse.body["high"]) == (5, [1.0, 1.3], [1.2, 1.4])
    assert (await api("GET", "runs/run1/metrics", key="nothing")).body["code"] == "metric-not-found"
    assert (await api("GET", "runs/run1/metrics", key="val/auc", buckets=0)).status == 400


async def test_experiments_are_used_archived_and_restored(api):
    assert (await api("POST", "experiments/churn/use")).body["in_use"]
    assert (await api("POST", "experiments/churn/archive")).body["archived"]
    listed = await api("GET", "experiments", archived="true")
    assert [one["name"] for one in listed.body["items"]] == ["churn"]
    assert (await api("POST", "experiments/churn/restore")).body["n_runs"] == 3
    assert (await api("POST", "experiments/a%20b/use")).body["code"] == "bad-name"
