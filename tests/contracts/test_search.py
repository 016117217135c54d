"""Finding runs: SQL on MLflow's tables and MLflow's own search answer alike, for any filter, order and page."""

from __future__ import annotations

import functools
import math
import os
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.core.errors import NotFound
from jupyter_mlops.core.run import Run
from jupyter_mlops.core.search import RUNS, RunQuery, found_in, named, read_order
from jupyter_mlops.core.where import holds
from jupyter_mlops.store import pages, tabled
from jupyter_mlops.store.reading import SqlReader
from jupyter_mlops.store.scan import ordered
from jupyter_mlops.store.tracking import MlflowTracking

EVERY_RUN = 40


class OnlyMlflow(MlflowTracking):
    """The same store through MLflow's client alone, as a tracking server is read."""

    @property
    def reader(self) -> SqlReader:
        return SqlReader("http://nobody.asks.it")


def fill(tracking: MlflowTracking) -> None:
    """Make runs with all that is awkward: NaN, infinities, missing values, numbers as text, equal values and times."""
    from mlflow.entities import Metric, Param, RunTag

    rng = random.Random(7)
    client = tracking.client
    groups = [tracking.experiment(name, create=True).id for name in ("alpha", "Beta")]
    values = [0.5, 0.5, 0.9, -1.0, 0.0, 1e-7, math.nan, math.inf, -math.inf]
    texts = ["svm", "SVM", "s_m", "10", "9", "9.0", "007", "1e3", "", "ärger", "a%b"]
    for i in range(EVERY_RUN):
        made = client.create_run(
            groups[i % 2],
            start_time=1_700_000_000_000 + 60_000 * rng.randrange(12),
            run_name=f"run {i % 5}",
            tags={"mlops.project": rng.choice(["here", "there", ""]), "mlflow.user": "ann"},
        )
        run_id = made.info.run_id
        keys = rng.sample(["auc", "loss", "val/auc", "odd name"], rng.randrange(4))
        named = rng.sample(["model", "C"], rng.randrange(3))
        tags = [RunTag("team", rng.choice(texts))] * rng.randrange(2)
        client.log_batch(
            run_id,
            [Metric(key, rng.choice(values), 1, 0) for key in keys],
            [Param(key, rng.choice(texts)) for key in named],
            tags,
        )
        if i % 4:
            end = made.info.start_time + rng.choice([0, 1000, 90_000, -5])
            client.set_terminated(run_id, rng.choice(["FINISHED", "FAILED"]), end)
        if i % 13 == 12:
            client.delete_run(run_id)


@contextmanager
def postgresql() -> Iterator[str]:
    """A database of its own on the test's server."""
    server = sa.make_url(os.environ["MLOPS_TEST_POSTGRESQL"])
    name = f"mlflow_{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@contextmanager
def sqlite(open_workspace, folder) -> Iterator[str]:
    workspace = open_workspace(folder)
    yield workspace.tracking_uri
    workspace.close()


Stores = tuple[MlflowTracking, OnlyMlflow, list[Run]]
POSTGRESQL = pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])


@pytest.fixture(scope="module", params=["sqlite", POSTGRESQL])
def stores(request, open_workspace, tmp_path_factory) -> Iterator[Stores]:
    """One store by SQL, the same through MLflow, and all runs that are in it."""
    folder = tmp_path_factory.mktemp("search")
    with postgresql() if request.param == "postgresql" else sqlite(open_workspace, folder) as uri:
        ours, theirs = (kind(uri, uri, folder.as_uri()) for kind in (MlflowTracking, OnlyMlflow))
        fill(ours)
        yield ours, theirs, theirs.runs(limit=1000)
        ours.close()
        theirs.close()


NUMBERS = st.sampled_from(["0.5", "-1", "0", "9", "10", "1e-7", "inf", "-inf", "nan", "1000"])
TEXTS = st.sampled_from(["'svm'", "'SVM'", "'9'", "'007'", "''", "'ärger'", "'run 3'", "'here'", "'alpha'", "'Z'"])
PATTERNS = st.sampled_from(["'s%'", "'%m'", "'s_m'", "'%'", "'%9%'", "'run%'", "'ÄRG%'", "'a%%b'"])
OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
METRICS = st.sampled_from(["metrics.auc", "metrics.loss", "metrics.val/auc", "metrics.`odd name`"])
KEYS = st.sampled_from(["params.model", "params.C", "tags.team"])
ATTRIBUTES = st.sampled_from(["name", "experiment", "project", "actor", "id", "parent"])
TIMES = st.sampled_from(["started", "ended"])
MOMENTS = st.sampled_from(["'2023-11-14T22:17:20Z'", "'2023-11-14T22:20:20+00:00'", "-7d", "'2030-01-01'"])


def _join(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(" ".join)


COMPARISONS = st.one_of(
    _join(METRICS, OPERATORS, NUMBERS),
    _join(KEYS, OPERATORS, st.one_of(NUMBERS, TEXTS)),
    _join(KEYS, st.sampled_from(["like", "not like"]), PATTERNS),
    _join(ATTRIBUTES, OPERATORS, TEXTS),
    _join(ATTRIBUTES, st.just("like"), PATTERNS),
    _join(TIMES, OPERATORS, MOMENTS),
    _join(st.just("duration"), OPERATORS, st.sampled_from(["0s", "1", "1.5m", "90s"])),
    _join(st.just("status"), st.sampled_from(["=", "!="]), st.sampled_from(["'FINISHED'", "'failed'", "'RUNNING'"])),
    _join(st.one_of(METRICS, KEYS, ATTRIBUTES, TIMES), st.sampled_from(["is null", "is not null"])),
    KEYS.map(lambda key: f"{key} in ('svm', 9, '10')"),
    METRICS.map(lambda key: f"{key} not in (0.5, nan)"),
)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "and", "or"]), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
        inner.map(lambda one: f"not {one}"),
        st.tuples(inner, inner).map(" and ".join),
    ),
    max_leaves=5,
)
ORDERS = st.tuples(
    st.one_of(METRICS, KEYS, ATTRIBUTES, TIMES, st.sampled_from(["duration", "status"])),
    st.sampled_from(["", " asc", " desc"]),
).map("".join)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(where=FILTERS, order=ORDERS, limit=st.integers(1, 12), data=st.data())
def test_both_ways_give_the_same_pages(stores: Stores, where: str, order: str, limit: int, data: st.DataObject):
    ours, theirs, every = stores
    node, by = RUNS.parse(where), read_order(order)
    expected = ordered([run for run in every if holds(node, functools.partial(found_in, run))], by)
    skip = data.draw(st.integers(0, len(expected) + 1), label="skip")
    experiment = data.draw(st.sampled_from([None, "alpha"]), label="experiment")
    if experiment is not None:
        expected = [run for run in expected if run.experiment == experiment]
    query = RunQuery(where=node, order=by, limit=limit, skip=skip, experiment=experiment, count=True)
    for store in (ours, theirs):
        page = store.page(query)
        assert [run.id for run in page.items] == [run.id for run in expected[skip : skip + limit]]
        assert page.items == expected[skip : skip + limit]
        assert page.next == (str(skip + limit) if skip + limit < len(expected) else "")
        assert page.note == ""
        # A server is asked no further than the page where it can put the runs in order itself.
        assert page.n_matching == len(expected) or (store is theirs and page.next and page.n_matching is None)


@pytest.mark.parametrize("order", ["params.C asc", "params.C desc", "params.model", "tags.team desc"])
@pytest.mark.parametrize(("most_values", "most_runs"), [(1, 0), (2, 0), (4, 3), (7, 10), (1000, 0), (1000, 5000)])
def test_a_page_by_a_parameter_is_the_same_from_its_first_values(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, order: str, most_values: int, most_runs: int
):
    ours, _, every = stores
    monkeypatch.setattr(pages, "_FIRST_VALUES", most_values)
    monkeypatch.setattr(pages, "_FIRST_RUNS", most_runs)
    for where in ("started > '2020-01-01'", "experiment = 'alpha'"):
        node, by = RUNS.parse(where), read_order(order)
        expected = ordered([run for run in every if holds(node, functools.partial(found_in, run))], by)
        for skip in range(0, len(expected), 3):
            page = ours.page(RunQuery(where=node, order=by, limit=4, skip=skip))
            assert page.items == expected[skip : skip + 4]


@pytest.mark.parametrize("order", ["metrics.auc", "params.C asc", "name", "started"])
def test_pages_that_follow_each_other_hold_each_run_once(stores: Stores, order: str):
    for store in stores[:2]:
        seen: list[str] = []
        after = "0"
        while after:
            page = store.page(RunQuery(order=read_order(order), limit=7, skip=int(after)))
            seen += [run.id for run in page.items]
            after = page.next
        assert sorted(seen) == sorted(run.id for run in stores[2])


@pytest.mark.parametrize(
    ("words", "is_found"),
    [("svm", 1), ("SVM", 1), ("s_m", 1), ("ärg", 1), ("a%b", 1), ("alpha 00", 1), ("there", 0), ("ann", 0)],
)
def test_words_are_found_in_parameters_and_in_tags_that_a_person_set(stores: Stores, words: str, is_found: int):
    node = named(words)
    expected = {run.id for run in stores[2] if holds(node, functools.partial(found_in, run))}
    assert bool(expected) == bool(is_found)
    for store in stores[:2]:
        assert {run.id for run in store.page(RunQuery(where=node, limit=1000)).items} == expected


def test_runs_in_the_trash_are_listed_when_they_are_asked_for(stores: Stores):
    for store in stores[:2]:
        page = store.page(RunQuery(deleted=True, order=read_order("metrics.auc"), count=True))
        assert len(page.items) == page.n_matching == EVERY_RUN - len(stores[2]) > 1
        assert all(run.deleted for run in page.items)
        assert store.page(RunQuery(deleted=True, where=RUNS.parse("metrics.nothing > 1"))).items == []


def test_nan_and_missing_come_last_whichever_way(stores: Stores):
    for direction in ("asc", "desc"):
        runs = stores[0].page(RunQuery(order=read_order(f"metrics.auc {direction}"), limit=1000)).items
        kinds = ["none" if "auc" not in r.metrics else "nan" if r.metrics["auc"] == "NaN" else "number" for r in runs]
        assert kinds == sorted(kinds, key=["number", "nan", "none"].index)
        assert set(kinds) == {"number", "nan", "none"}


@pytest.mark.parametrize("text", ["metrics.aucc > 0.5", "params.modl = 'svm'"])
def test_a_metric_or_parameter_that_no_run_has_is_named_with_what_is_near(stores: Stores, text: str):
    for store in stores[:2]:
        with pytest.raises(NotFound, match=r"No run has a (metric|parameter) '(aucc|modl)'\.") as caught:
            store.page(RunQuery(where=RUNS.parse(text)))
        assert caught.value.hint == ("Did you mean auc?" if "aucc" in text else "Did you mean model?")


def test_an_order_by_a_metric_that_no_run_has_is_named(stores: Stores):
    for store in stores[:2]:
        with pytest.raises(NotFound, match="No run has a metric 'acc'") as caught:
            store.page(RunQuery(order=read_order("metrics.acc")))
        assert caught.value.code == "metric-not-found"


def test_experiments_are_the_same_both_ways(stores: Stores):
    ours, theirs, every = stores
    assert [(one.id, one.name, one.created_at) for one in ours.experiments()] == [
        (one.id, one.name, one.created_at) for one in theirs.experiments()
    ]
    counts = {one.name: one.n_runs for one in ours.experiments()}
    assert {name: n for name, n in counts.items() if n} == {
        name: sum(run.experiment == name for run in every) for name in ("alpha", "Beta")
    }


def test_a_run_is_the_same_both_ways_by_id_beginning_and_name(stores: Stores):
    ours, theirs, every = stores
    for ref in (every[0].id, every[0].id[:10], "run 3"):
        assert ours.run(ref) == theirs.run(ref)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    points=st.lists(
        st.tuples(
            st.sampled_from([1.0, -2.5, 0.0, math.nan, math.inf, -math.inf]), st.integers(-20, 50), st.integers(1, 60)
        ),
        min_size=1,
        max_size=60,
        unique=True,
    ),
    n_buckets=st.integers(2, 20),
    axis=st.sampled_from(["step", "time"]),
    n_others=st.sampled_from([0, 4]),
    within=st.sampled_from([None, (-5, 20), (7, 7), (100, 200)]),
)
def test_a_curve_is_the_same_both_ways(stores: Stores, points, n_buckets: int, axis, n_others: int, *, within):
    from mlflow.entities import Metric

    ours, theirs, every = stores
    key = uuid.uuid4().hex
    for run in every[: n_others + 1]:  # others' points of that name at those times
        ours.client.log_batch(run.id, [Metric(key, value, at, step) for value, step, at in points])
    curve = ours.curve(every[0].id, key, n_buckets, axis=axis, within=within)
    assert curve == theirs.curve(every[0].id, key, n_buckets, axis=axis, within=within)
    low, high = within or (-math.inf, math.inf)
    inside = {point for point in points if low <= point[1 if axis == "step" else 2] <= high}
    assert curve.n_points == len({(str(value), step, at) for value, step, at in inside})
    assert len(curve.at) == len(curve.low) == len(curve.high) == len(curve.last) <= max(n_buckets, 1)
    assert curve.at == sorted(curve.at)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    where=FILTERS,
    by=st.one_of(KEYS, ATTRIBUTES, st.just("status")),
    experiment=st.sampled_from([None, "alpha"]),
    few=st.sampled_from([0, 500]),
)
def test_columns_and_groups_are_the_same_both_ways(stores: Stores, where: str, by: str, experiment, few: int):
    ours, theirs, _ = stores
    query = RunQuery(where=RUNS.parse(where), experiment=experiment, limit=1000)
    field, keys = read_order(by).field, ["auc", "loss"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabled, "_FEW", few)
        samples = [store.samples(query, field, keys) for store in (ours, theirs)]
    mine, others = (
        {value: (one.n_runs, {key: sorted(map(str, found)) for key, found in one.values.items()}) for value, one in s}
        for s in (one.groups.items() for one in samples)
    )
    assert mine == others
    assert sorted(map(str, ours.columns(experiment))) == sorted(map(str, theirs.columns(experiment)))
