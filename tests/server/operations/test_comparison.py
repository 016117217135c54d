"""REST: runs side by side."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.run import MetricPoint


@pytest.fixture
def two(here):
    """Two runs, by id."""
    made = []
    for name, loss in (("첫 실행", 0.5), ("second", 0.25)):
        run = here.tracking.create_run("compare", name, tags={}, params={"C": name})
        here.tracking.log(run.id, metrics=[MetricPoint(key="loss", value=loss, step=0, at_ms=1)])
        here.tracking.write(run.id, name.encode(), "source/cell.py")
        here.tracking.end_run(run.id, "FINISHED")
        made.append(run.id)
    return made


async def test_each_part_of_a_comparison_has_its_address(api, two):
    a, b = two
    named = ",".join([a, "0" * 32, b])

    whole = (await api("GET", "comparison", runs=f"{a},{b}")).body
    assert whole["metrics"] == [{"name": "loss", "values": [0.5, 0.25], "best": 1, "lower_is_better": True}]
    runs = (await api("GET", "comparison/runs", runs=named, user="rita")).body
    assert [run["name"] for run in runs["runs"]] == ["첫 실행", "second"]
    assert [one["ref"] for one in runs["absent"]] == ["0" * 32]
    assert runs["lower_is_better"] == ["loss"]
    curves = (await api("GET", "comparison/curves", runs=named, key="loss", buckets=50)).body["items"]
    assert [(one["run"], one["curve"]["last"]) for one in curves] == [(a, [0.5]), (b, [0.25])]
    code = (await api("GET", "comparison/code", runs=named)).body["items"]
    assert [one["runs"] for one in code] == [[a], [b]]
    diff = (await api("GET", "comparison/code/diff", base=b, run=a)).body
    assert "+첫 실행" in diff["changes"][0]["diff"]
    packages = (await api("GET", "comparison/packages", runs=named)).body["items"]
    assert [(one["runs"], one["packages"]) for one in packages] == [([a, b], {})]
    data = (await api("GET", "comparison/data", runs=named)).body["items"]
    assert [(one["runs"], one["datasets"]) for one in data] == [([a, b], [])]
    later = (await api("GET", "comparison/curves", runs=named, key="loss", first=1)).body["items"]
    assert later == []


async def test_what_cannot_be_compared_is_refused_by_name(api, two):
    refused = await api("GET", "comparison/code/diff", base=two[0], run="never-was")
    assert (refused.status, refused.body["code"]) == (404, "run-not-found")
    many = await api("GET", "comparison/runs", runs=",".join(f"{n:032x}" for n in range(201)))
    assert (many.status, many.body["code"]) == (400, "too-many-runs")
    assert (await api("GET", "comparison/curves", runs=two[0], key="loss", buckets=1)).status == 400
    assert (await api("GET", "comparison/runs")).body["code"] == "bad-query"
