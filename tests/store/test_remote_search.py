"""Finding runs where our SQL cannot read them: a real tracking server, and a schema that we do not know."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from jupyter_mlops.cli.process import run as run_cli
from jupyter_mlops.core.errors import NotFound, Unavailable
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store import reading
from jupyter_mlops.store.mlflow_ui import MlflowUi
from jupyter_mlops.store.tracking import MlflowTracking
from jupyter_mlops.training.experiments import list_experiments
from jupyter_mlops.training.finding import find_runs, known_fields, read_curve, read_sparklines
from jupyter_mlops.workspace import Workspace


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    for i, model in enumerate(["svm", "tree", "svm", "svm"]):
        run = workspace.tracking.create_run("churn", f"run{i}", tags={"team": "risk"}, params={"model": model})
        points = [MetricPoint(key="auc", value=0.5 + i / 10, step=0, at_ms=1)] * (i != 3)
        points += [MetricPoint(key="loss", value=1 / (step + 1), step=step, at_ms=step) for step in range(50)]
        workspace.tracking.log(run.id, metrics=points)
        workspace.tracking.end_run(run.id, "FINISHED" if i else "FAILED")
    return workspace


@pytest.fixture
def server(filled: Workspace) -> Iterator[Workspace]:
    """The same workspace, whose runs are behind a tracking server."""
    with MlflowUi(filled.tracking_uri, filled.registry_uri, filled.root / "server.log") as served:
        served.wait_ready(lambda _: None)
        filled._parts["tracking"] = MlflowTracking(served.url, served.url, (filled.root / "artifacts").as_uri())
        assert filled.tracking.reader.path is None
        yield filled


def _searched(world: Workspace) -> None:
    def names(**asked: str | int) -> list[str]:
        return [run.name for run in find_runs(world, **asked).items]  # type: ignore[arg-type]

    assert sorted(names()) == ["run0", "run1", "run2", "run3"]
    assert names(where="metrics.auc > 0.55 and params.model = 'svm' and started > -7d") == ["run2"]
    assert names(where="status = 'FAILED' or tags.team like 'x%'") == ["run0"]
    assert names(order="metrics.auc") == ["run2", "run1", "run0", "run3"]
    assert names(order="params.model desc", where="metrics.auc is not null")[0] == "run1"
    page = find_runs(world, order="metrics.auc asc", limit=2, after="2")
    assert ([run.name for run in page.items], page.next) == (["run2", "run3"], "")
    assert find_runs(world, where="params.model = 'svm'", limit=1, order="name", count=True).n_matching == 3
    with pytest.raises(NotFound, match="No run has a metric 'acc'"):
        find_runs(world, order="metrics.acc")
    with pytest.raises(NotFound, match="experiment 'nothing'"):
        find_runs(world, experiment="nothing")
    parent, gone = (world.tracking.run(name) for name in ("run0", "run1"))
    children = [world.tracking.create_run("churn", f"trial{n}", tags={}, params={}, parent=parent.id) for n in range(2)]
    below = world.tracking.create_run("churn", "below", tags={}, params={}, parent=children[0].id)
    orphan = world.tracking.create_run("churn", "orphan", tags={}, params={}, parent=gone.id)

    def folded() -> tuple[list[str], dict[str, int]]:
        page = find_runs(world, roots=True, children=True, order="name asc")
        return [run.name for run in page.items], {run.name: page.n_children.get(run.id, 0) for run in page.items}

    assert folded() == (["run0", "run1", "run2", "run3"], {"run0": 2, "run1": 1, "run2": 0, "run3": 0})
    world.tracking.delete_run(gone.id)
    assert folded() == (["orphan", "run0", "run2", "run3"], {"orphan": 0, "run0": 2, "run2": 0, "run3": 0})
    assert sorted(names(where=f"parent = '{parent.id}'")) == ["trial0", "trial1"]
    assert find_runs(world, where=f"parent = '{parent.id}'", children=True).n_children == {children[0].id: 1}
    world.tracking.restore_run(gone.id)
    for run in (*children, below, orphan):
        world.tracking.delete_run(run.id)
    curve = read_curve(world, "run1", "loss", n_buckets=10)
    assert (curve.n_points, len(curve.at), curve.high[0]) == (50, 10, 1.0)
    (line,) = read_sparklines(world, [world.tracking.run("run1").id], "loss", n_points=10)
    assert (line.at[0], line.at[-1], len(line.at)) == (0, 49, 10)
    assert known_fields(world).metrics == ["auc", "loss"]
    assert {"churn"} <= {one.name for one in list_experiments(world, words="run")}


@pytest.mark.slow
def test_a_real_tracking_server_is_searched_through_mlflows_own_client(server, monkeypatch, capfd):
    _searched(server)
    monkeypatch.chdir(server.home)
    settings = server.root / "workspace.toml"
    settings.write_text(settings.read_text().replace('# tracking_uri = ""', f'tracking_uri = "{server.tracking.uri}"'))
    command = ["runs", "list", "--order", "metrics.auc", "--where"]
    assert run_cli([*command, "metrics.auc > 0.55", "--json"]) == 0
    assert [one["name"] for one in json.loads(capfd.readouterr().out)["items"]] == ["run2", "run1"]
    assert run_cli([*command, "metrics.acc > 1"]) == 3
    assert "No run has a metric 'acc'." in capfd.readouterr().err


def test_a_schema_that_we_do_not_know_is_left_to_mlflow(filled, monkeypatch):
    monkeypatch.setattr(reading, "KNOWN_REVISIONS", frozenset())
    with filled.tracking.reader.open() as rows:
        assert rows is None
    _searched(filled)


def test_a_tracking_server_that_is_away_is_one_sentence(workspace, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    workspace._parts["tracking"] = MlflowTracking("http://127.0.0.1:9", "http://127.0.0.1:9", "file:///nowhere")
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:9") as caught:
        find_runs(workspace)
    assert caught.value.hint
