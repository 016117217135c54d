"""REST: finding runs, curves, and experiments that are used and put away."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from urllib.parse import quote

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


async def test_a_page_of_charts_asks_once_for_its_curves(api):
    found = await api("GET", "runs/run1/curves", keys="val/auc,nothing,val/auc", buckets=2)
    assert [(one["key"], one["n_points"], one["high"]) for one in found.body["items"]] == [("val/auc", 5, [1.2, 1.4])]
    many = await api("GET", "runs/run1/curves", keys=",".join(map(str, range(101))))
    assert (many.status, many.body["code"]) == (400, "too-many-curves")


async def test_a_metric_whose_name_fits_into_no_address_is_asked_for_by_its_digest(api, here):
    run = here.tracking.runs()[0]
    names = {"long": "정확도" * 4000, "two": "a,b"}  # MLflow itself takes neither, other programs may
    here.tracking.log(
        run.id, metrics=[MetricPoint(key=key, value=n / 2, step=n, at_ms=n) for key in names for n in range(2)]
    )
    with closing(sqlite3.connect(here.root / "mlflow.db")) as db, db:
        for table in ("metrics", "latest_metrics"):
            db.executemany(f"UPDATE {table} SET key = ? WHERE key = ?", [(new, key) for key, new in names.items()])
    long, two = (f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in names.values())
    found = await api("GET", f"runs/{run.id}/curves", keys=f"{long},val/auc,{two},sha256:0")
    told = [(one["key"], one["n_points"]) for one in found.body["items"]]
    assert told == [(names["long"], 2), ("val/auc", 5), ("a,b", 2)]
    assert (await api("GET", f"runs/{run.id}/metrics", key=long)).body["key"] == names["long"]
    compared = await api("GET", "comparison/curves", runs=run.id, key=long)
    assert [one["curve"]["last"] for one in compared.body["items"]] == [[0.0, 0.5]]
    assert [one["run"] for one in (await api("GET", "sparklines", runs=run.id, key=long)).body["items"]] == [run.id]


async def test_experiments_are_used_archived_and_restored(api):
    assert (await api("POST", "experiments/churn/use")).body["in_use"]
    assert (await api("POST", "experiments/churn/archive")).body["archived"]
    listed = await api("GET", "experiments", archived="true")
    assert [one["name"] for one in listed.body["items"]] == ["churn"]
    assert (await api("POST", "experiments/churn/restore")).body["n_runs"] == 3
    assert (await api("POST", "experiments/%20b/use")).body["code"] == "bad-name"


async def test_words_are_looked_for_in_names_and_say_status_experiment_or_id(api, here):
    async def names(words: str, **more: str) -> list[str]:
        return [one["name"] for one in (await api("GET", "runs", words=words, **more)).body["items"]]

    running = here.tracking.create_run("forest", "calm-fox", tags={}, params={})
    assert await names("FOX calm") == await names("running") == await names(running.id[:8]) == ["calm-fox"]
    assert await names("churn RUN1") == ["run1"]
    assert await names("churn finished", where="metrics.`val/auc` > 1.5") == ["run2"]
    assert await names("zebra") == []
    given = {"kernel": "Zebra_rbf", "encoder": "단어"}
    made = here.tracking.create_run("forest", "red-ant", tags={"team": "risk", "mlops.secret": "owl"}, params=given)
    for words in ("zebra", "RISK zebra_", "단어", "red risk"):
        assert await names(words) == await names(words, columns="status") == [made.name]
    assert await names("zebra risk churn") == await names("owl") == []
    counted = (await api("GET", "experiments", words="zebra")).body["items"]
    assert [(one["name"], one["n_runs"]) for one in counted] == [("forest", 1)]


async def test_experiments_say_how_many_of_their_runs_match_and_are_running(api, here):
    here.tracking.create_run("forest", "calm-fox", tags={}, params={})

    async def counts(**query: str) -> dict[str, tuple[int, int]]:
        items = (await api("GET", "experiments", **query)).body["items"]
        return {one["name"]: (one["n_runs"], one["n_running"]) for one in items}

    assert await counts() == {"Default": (0, 0), "churn": (3, 0), "forest": (1, 1)}
    assert await counts(where="metrics.val/auc > 1") == {"churn": (2, 0)}
    assert await counts(words="fox") == {"forest": (1, 1)}
    assert (await api("GET", "experiments", where="metrics.")).body["code"] == "bad-where"
    assert (await api("GET", "experiments", where="metrics.auc > 1")).body["code"] == "metric-not-found"


async def test_experiments_say_how_many_of_their_runs_are_no_child_of_another_one(api, here):
    async def roots(**query: str) -> dict[str, int | None]:
        return {one["name"]: one["n_roots"] for one in (await api("GET", "experiments", **query)).body["items"]}

    parent = here.tracking.create_run("forest", "sweep", tags={}, params={})
    assert await roots(roots="true") == {"Default": 0, "churn": 3, "forest": 1}
    child = here.tracking.create_run("forest", "trial", tags={}, params={}, parent=parent.id)
    here.tracking.create_run("churn", "elsewhere", tags={}, params={}, parent=parent.id)
    assert await roots(roots="true") == {"Default": 0, "churn": 4, "forest": 1}
    here.tracking.client.set_tag(child.id, "mlflow.parentRunId", "0" * 32)
    assert (await roots(roots="true"))["forest"] == 2, "its new parent is not there"
    here.tracking.client.set_tag(child.id, "mlflow.parentRunId", parent.id)
    assert (await roots(roots="true"))["forest"] == 1
    here.tracking.delete_run(parent.id)
    assert (await roots(roots="true"))["forest"] == 1, f"{child.name} is below nothing any more"
    assert set((await roots()).values()) == set((await roots(roots="true", words="trial")).values()) == {None}


async def test_what_a_filter_may_name_is_known(api, here):
    for model in ("svm", "tree", "svm"):
        here.tracking.create_run("forest", None, tags={"team": "risk"}, params={"the model": model})
    fields = (await api("GET", "fields")).body
    assert fields["fields"]["started"] == "time"
    assert (fields["metrics"], fields["params"]) == (["val/auc"], ["the model"])
    assert "team" in fields["tags"]

    async def values(field: str, start: str = "") -> list[str]:
        return (await api("GET", f"fields/{quote(field, safe='')}/values", start=start)).body["values"]

    assert await values("params.`the model`") == ["svm", "tree"]
    assert await values("params.`the model`", "t") == ["tree"]
    assert await values("tags.team") == ["risk"]
    assert await values("status", "f") == ["FINISHED", "FAILED"]
    assert set(await values("experiment")) == {"Default", "churn", "forest"}
    assert await values("metrics.val/auc") == await values("started") == []
    assert (await api("GET", "fields/colour/values")).body["code"] == "bad-where"


async def test_sparklines_of_many_runs_come_at_once_and_none_reads_all_points(api, here):
    long = here.tracking.create_run("churn", "long", tags={}, params={})
    points = [
        MetricPoint(key="loss", value="NaN" if step == 999 else step, step=step, at_ms=step) for step in range(1000)
    ]
    here.tracking.log(long.id, metrics=points)
    short = here.tracking.run("run1").id
    (line,) = (await api("GET", "sparklines", runs=f"{long.id},{short},{'0' * 32}", key="loss")).body["items"]
    assert (line["run"], len(line["at"])) == (long.id, 40)
    assert (line["at"][0], line["at"][-1]) == (0, 999)
    assert line["values"] == [*line["at"][:-1], "NaN"]
    (line,) = (await api("GET", "sparklines", runs=f"{long.id},{short}", key="val/auc")).body["items"]
    assert line == {"run": short, "at": [0, 1, 2, 3, 4], "values": [1.0, 1.1, 1.2, 1.3, 1.4]}
    assert (await api("GET", "sparklines", runs="a," * 201, key="loss")).body["code"] == "too-many-runs"
