"""REST: what a table of runs is made of: columns, folded children, windows and groups."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.run import MetricPoint

SCORES = {"svm": [0.5, 0.7], "tree": [0.9, float("nan")], None: [0.4]}


@pytest.fixture(autouse=True)
def runs(here):
    """Runs by name: two each of two models, one without a model, and a child in the trash's neighbour's arms."""
    found = {}
    for model, values in SCORES.items():
        for i, value in enumerate(values):
            params = {"model": model} if model else {}
            run = here.tracking.create_run("churn", f"{model}{i}", tags={"team": "risk"}, params=params)
            here.tracking.log(run.id, metrics=[MetricPoint(key="val auc", value=value, step=0, at_ms=1)])
            found[run.name] = run
    for name, parent in (("fold1", "svm0"), ("fold2", "svm0"), ("orphan", "svm1")):
        found[name] = here.tracking.create_run("churn", name, tags={}, params={}, parent=found[parent].id)
    here.tracking.delete_run(found["svm1"].id)
    return found


def names(answer):
    return {one["name"] for one in answer.body["items"]}


async def test_columns_are_listed_with_how_many_runs_have_them(api, here):
    here.tracking.create_run("other", "x", tags={}, params={"depth": "3"})
    listed = {one["field"]: one["n_runs"] for one in (await api("GET", "columns", experiment="churn")).body["items"]}
    assert listed["metrics.`val auc`"] == 4
    assert (listed["params.model"], listed["tags.team"]) == (3, 4)
    assert "params.depth" not in listed
    assert "params.depth" in {one["field"] for one in (await api("GET", "columns")).body["items"]}
    assert (await api("GET", "columns", experiment="none")).body["code"] == "experiment-not-found"


async def test_names_of_older_runs_come_behind_those_of_the_newest(api, monkeypatch):
    monkeypatch.setattr("jupyter_mlops.store.tabled.NEWEST", 3)
    items = (await api("GET", "columns", experiment="churn")).body["items"]
    # The newest three are children, which have neither metrics nor parameters.
    assert {one["field"]: one["n_runs"] for one in items}["metrics.`val auc`"] is None


async def test_children_are_folded_under_parents_that_are_there(api, runs):
    folded = await api("GET", "runs", roots="true", children="true", count="true")
    assert names(folded) == {"svm0", "tree0", "tree1", "None0", "orphan"}
    assert folded.body["n_matching"] == 5
    assert folded.body["n_children"] == {runs["svm0"].id: 2}
    unfolded = await api("GET", "runs", where=f"parent = '{runs['svm0'].id}'")
    assert names(unfolded) == {"fold1", "fold2"}


async def test_a_window_begins_anywhere_and_holds_only_the_columns_that_are_asked_for(api):
    query = {"order": "name asc", "columns": "metrics.`val auc`, tags.team"}
    every = (await api("GET", "runs", **query)).body["items"]
    middle = (await api("GET", "runs", **query, skip=2, limit=3)).body["items"]
    assert middle == every[2:5]
    svm = next(one for one in every if one["name"] == "svm0")
    assert (svm["metrics"], svm["params"], svm["tags"]) == ({"val auc": 0.5}, {}, {"team": "risk"})
    none = (await api("GET", "runs", columns="", where="params.model = 'tree'")).body["items"]
    assert [(one["metrics"], one["params"]) for one in none] == [({}, {})] * 2
    assert (await api("GET", "runs", columns="metrics.")).body["code"] == "bad-where"
    assert (await api("GET", "runs", skip=-1)).status == 400


async def test_groups_have_count_mean_and_sample_deviation(api):
    query = {"by": "params.model", "metrics": "metrics.`val auc`", "where": "name not like '%f%' and name != 'orphan'"}
    found = (await api("GET", "groups", **query)).body
    assert [(one["value"], one["n_runs"]) for one in found["items"]] == [("tree", 2), ("svm", 1), (None, 1)]
    assert found["items"][0]["metrics"] == {"val auc": {"n": 1, "n_nan": 1, "n_infinite": 0, "mean": 0.9, "sd": None}}
    assert (found["n_groups"], found["n_runs"]) == (3, 4)
    by_mean = (await api("GET", "groups", **query, order="metrics.`val auc` asc", limit=2)).body
    assert [one["value"] for one in by_mean["items"]] == [None, "svm"]
    by_value = (await api("GET", "groups", **query, order="params.model desc")).body
    assert [one["value"] for one in by_value["items"]] == ["tree", "svm", None]
    named = (await api("GET", "groups", by="params.model", words="tree")).body
    assert [(one["value"], one["n_runs"]) for one in named["items"]] == [("tree", 2)]
    deleted = (await api("GET", "groups", by="params.model", deleted="true")).body
    assert [(one["value"], one["n_runs"]) for one in deleted["items"]] == [("svm", 1)]


async def test_groups_that_make_no_sense_are_named(api):
    for query, code in [
        ({"by": "started"}, "not-groupable"),
        ({"by": "colour"}, "bad-where"),
        ({"by": "status", "where": "metrics.auc >"}, "bad-where"),
        ({"by": "status", "experiment": "none"}, "experiment-not-found"),
    ]:
        assert (await api("GET", "groups", **query)).body["code"] == code
