"""Plain MLflow's metrics in a tracked run: through the journal, as if they had been written at once."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking._tracking_service.client import TrackingServiceClient

from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store.lane import Lane
from jupyter_mlops.training.capture import Capture, Plan, begin
from jupyter_mlops.training.mlflow_scope import mlflow_scope
from jupyter_mlops.workspace import Workspace


@pytest.fixture(scope="module")
def world(tmp_path_factory, open_workspace) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path_factory.mktemp("buffered"))
    yield opened
    opened.close()


@pytest.fixture
def run(world: Workspace) -> Iterator[Capture]:
    capture = begin(world, Plan(experiment="buffered", folder=world.home, snapshot=False))
    capture.scopes.enter_context(mlflow_scope(capture, world.tracking.experiment("buffered").id))
    yield capture
    capture.end("FINISHED")


def points(world: Workspace, run: Capture, key: str) -> list[tuple[int, object]]:
    return [(point.step, point.value) for point in world.tracking.history(run.run_id, key)]


def test_whoever_reads_through_mlflow_sees_what_was_just_logged(run):
    client = MlflowClient()
    for step in range(5):
        assert mlflow.log_metric("loss", step / 2, step=step) is None
        assert client.get_run(run.run_id).data.metrics["loss"] == step / 2
    assert [one.value for one in client.get_metric_history(run.run_id, "loss")] == [0, 0.5, 1, 1.5, 2]
    mlflow.log_metric("acc", 1)
    found = mlflow.search_runs(experiment_names=["buffered"], filter_string="metrics.acc = 1", output_format="list")
    assert [one.info.run_id for one in found] == [run.run_id]


def test_steps_times_and_values_are_those_that_mlflow_gives(run, world):
    client = MlflowClient()
    mlflow.log_metric("no step", 1)
    mlflow.log_metric("no step", 2)
    mlflow.log_metrics({"a": 1, "b": float("nan")}, step=-3, timestamp=123)
    client.log_metric(run.run_id, "a", math.inf, timestamp=124, step=7)
    client.log_batch(run.run_id, metrics=[Metric("a", 2, 125, 8)], params=[Param("p", "1")], tags=[RunTag("t", "2")])
    found = client.get_run(run.run_id).data
    assert (found.params, found.tags["t"]) == ({"p": "1"}, "2")
    assert points(world, run, "no step") == [(0, 1.0), (0, 2.0)]
    assert points(world, run, "a") == [(-3, 1.0), (7, "Infinity"), (8, 2.0)]
    assert points(world, run, "b") == [(-3, "NaN")]
    assert [point.at_ms for point in world.tracking.history(run.run_id, "a")] == [123, 124, 125]


@pytest.mark.parametrize(("key", "value"), [("a$b", 1), ("x", "high"), ("x", None), ("..", 1)])
def test_what_mlflow_refuses_is_refused_in_the_cell_and_nothing_else_is_lost(run, world, key, value):
    mlflow.log_metric("before", 1)
    with pytest.raises((MlflowException, TypeError, ValueError)):
        mlflow.log_metric(key, value)
    mlflow.log_metric("after", 2)
    run.journal.flush()
    assert world.tracking.run(run.run_id).metrics == {"before": 1, "after": 2}


def test_asynchronous_logging_gives_what_can_be_waited_for(run, world):
    mlflow.log_metric("x", 1, synchronous=False).wait()
    mlflow.log_metrics({"y": 2}, synchronous=False).wait()
    assert world.tracking.run(run.run_id).metrics == {"x": 1, "y": 2}


def test_other_runs_are_written_as_mlflow_writes_them(run, world):
    client = MlflowClient()
    other = client.create_run(world.tracking.experiment("buffered").id)
    client.log_metric(other.info.run_id, "x", 1)
    assert world.tracking.run(other.info.run_id).metrics == {"x": 1}
    with mlflow.start_run(), mlflow.start_run(nested=True) as child:
        mlflow.log_metric("x", 2)
        assert world.tracking.run(child.info.run_id).metrics == {"x": 2}
    assert run.run_id not in {other.info.run_id, child.info.run_id}


def test_metrics_of_a_logged_model_reach_the_model(run):
    model = mlflow.create_external_model(name="m")
    mlflow.log_metric("auc", 0.9, model_id=model.model_id)
    mlflow.log_metrics({"f1": 0.8}, model_id=model.model_id)
    logged = {metric.key: metric.value for metric in mlflow.get_logged_model(model.model_id).metrics}
    assert logged == {"auc": 0.9, "f1": 0.8}
    assert MlflowClient().get_run(run.run_id).data.metrics == logged


def test_a_script_waits_until_its_worker_has_shipped_what_it_logged(run, world):
    script = world.journals.append(run.run_id)  # as in the process that the worker starts
    script.log([MetricPoint(key="loss", value=0.5, step=3, at_ms=1)])
    assert script.flush()
    assert points(world, run, "loss") == [(3, 0.5)]


def test_waiting_ends_where_nobody_ships(run, world):
    lane = Lane(world.root / "journal" / ("0" * 32))
    lane.log([MetricPoint(key="loss", value=0.5, step=3, at_ms=1)])
    assert not lane.flush(0.1)
    assert run.journal.flush()


def test_mlflow_is_put_back_after_the_run(world):
    before = {name: getattr(TrackingServiceClient, name) for name in ("log_metric", "log_batch", "get_run")}
    capture = begin(world, Plan(folder=world.home, snapshot=False))
    capture.scopes.enter_context(mlflow_scope(capture, world.tracking.experiment("Default").id))
    assert TrackingServiceClient.log_metric is not before["log_metric"]
    capture.end("FINISHED")
    assert {name: getattr(TrackingServiceClient, name) for name in before} == before


def test_a_metric_costs_a_fraction_of_what_mlflow_takes_for_it(run, world):
    client = MlflowClient(world.tracking_uri)
    other = client.create_run(world.tracking.experiment("buffered").id).info.run_id

    def cpu_s(run_id: str) -> float:
        began = time.thread_time()
        for step in range(200):
            client.log_metric(run_id, "loss", step, step=step)
        return time.thread_time() - began

    cpu_s(run.run_id)
    assert cpu_s(other) > 4 * cpu_s(run.run_id)


def test_a_cell_that_logs_and_reads_at_every_step_is_not_held_up(run):
    client = MlflowClient()
    began = time.monotonic()
    for step in range(50):
        client.log_metric(run.run_id, "x", step, step=step)
        client.get_run(run.run_id)
    assert time.monotonic() - began < 5  # a shipping round every 0.25 s would make it 12
