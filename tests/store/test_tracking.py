"""MLflow's store behind our port: what we write plain MLflow reads, and the other way round."""

from __future__ import annotations

import math
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.entities import LoggedModelOutput

from jupyter_mlops.core.errors import BadInput, Forbidden, NotFound
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store.databases import DiskFull
from jupyter_mlops.store.mlflow_client import NewerTracking, TrackingDown
from jupyter_mlops.store.tracking import MlflowTracking


@pytest.fixture
def tracking(workspace) -> MlflowTracking:
    return workspace.tracking


def point(key: str, value: float, step: int = 0) -> MetricPoint:
    return MetricPoint(key=key, value=value, step=step, at_ms=step + 1)


def test_plain_mlflow_sees_what_we_wrote_and_we_see_what_it_wrote(tracking):
    from mlflow import MlflowClient

    run = tracking.create_run("churn", "first", tags={"team": "risk"}, params={"C": "1"})
    tracking.log(run.id, metrics=[point("auc", 0.9)])
    tracking.end_run(run.id, "FINISHED")
    client = MlflowClient(tracking_uri=tracking.uri)
    seen = client.get_run(run.id)
    assert (seen.data.metrics, seen.data.params, seen.info.status) == ({"auc": 0.9}, {"C": "1"}, "FINISHED")
    theirs = client.create_run(client.get_experiment_by_name("churn").experiment_id)
    assert tracking.run(theirs.info.run_id).experiment == "churn"


def test_runs_are_found_by_id_by_its_beginning_and_by_name(tracking):
    run = tracking.create_run("churn", "baseline", tags={"mlops.project": "here"}, params={})
    assert {tracking.run(ref).id for ref in (run.id, run.id[:8], "baseline")} == {run.id}
    assert [one.id for one in tracking.runs(project="here")] == [run.id]
    assert tracking.runs(project="there") == []
    assert tracking.runs(status="FAILED") == []
    assert {one.name: one.n_runs for one in tracking.experiments()} == {"Default": 0, "churn": 1}


@pytest.mark.parametrize("ref", ["nothing", "abcdef", "0" * 32, "a'b", "", "x/y", "x" * 300])
def test_an_unknown_run_is_named(tracking, ref):
    with pytest.raises(NotFound, match="There is no run"):
        tracking.run(ref)


def test_a_run_whose_parameters_are_refused_is_not_left_behind(tracking):
    with pytest.raises(BadInput, match="<i>"):
        tracking.create_run("churn", "mistyped", tags={}, params={"<i>": "1"})
    assert tracking.runs() == []
    gone = tracking.deleted_run("mistyped")
    assert (gone.status, gone.reason[:17]) == ("FAILED", "MLflow refused it")


def test_values_that_json_lacks_travel_as_words(tracking):
    run = tracking.create_run("churn", None, tags={}, params={})
    tracking.log(run.id, metrics=[point("a", "NaN"), point("b", "-Infinity"), point("c", math.pi)])
    assert tracking.run(run.id).metrics == {"a": "NaN", "b": "-Infinity", "c": math.pi}


def test_more_than_one_batch_is_logged_whole(tracking):
    run = tracking.create_run("churn", None, tags={}, params={f"p{i}": "1" for i in range(250)})
    tracking.log(run.id, metrics=[point("m", i, i) for i in range(2500)])
    assert len(tracking.history(run.id, "m")) == 2500
    assert len(tracking.run(run.id).params) == 250


def test_artifacts_come_back_and_paths_that_leave_are_refused(tracking, tmp_path):
    run = tracking.create_run("churn", None, tags={}, params={})
    (tmp_path / "a.txt").write_text("content")
    tracking.store(run.id, tmp_path / "a.txt", "deep/er", name="b.txt")
    assert tracking.fetch(run.id, "deep/er/b.txt", tmp_path / "got").read_text() == "content"
    with pytest.raises(BadInput):
        tracking.fetch(run.id, "../../../workspace.toml", tmp_path / "got")
    with pytest.raises(NotFound, match="no artifact 'nope'"):
        tracking.fetch(run.id, "nope", tmp_path / "got")


def test_a_model_whose_logging_failed_is_none_that_the_run_logged(tracking):
    run = tracking.create_run("spoilt", "r", tags={}, params={})
    ids = {}
    for name, status in (("half", "FAILED"), ("whole", "READY"), ("begun", "PENDING")):
        model = tracking.client.create_logged_model("0", name)
        ids[name] = model.model_id
        if status != "PENDING":
            tracking.client.finalize_logged_model(model.model_id, status)
    outputs = [LoggedModelOutput(model_id=one, step=0) for one in ids.values()]
    tracking.client.log_outputs(run.id, outputs)
    assert [name for name, _ in tracking.logged_models(run.id)] == ["whole"]


def test_models_count_up_carry_tags_and_aliases_and_go(tracking, tmp_path):
    run = tracking.create_run("churn", None, tags={}, params={})
    (tmp_path / "model.bin").write_bytes(b"weights")
    tracking.store(run.id, tmp_path / "model.bin", "model")
    source = f"{run.artifact_uri}/model"
    for expected in (1, 2):
        made = tracking.register("churn", source, run_id=run.id, tags={"team": "risk"}, flavor="file")
        assert (made.version, made.flavor, made.tags) == (expected, "file", {"team": "risk"})
    tracking.alias_model("churn", "champion", 1)
    assert tracking.model_version("churn").version == 2
    assert tracking.model_version("churn@champion").version == 1
    assert tracking.model("churn").aliases == {"champion": 1}
    assert (tracking.fetch_model(made, tmp_path / "got") / "model.bin").read_bytes() == b"weights"
    tracking.tag_model("churn", 2, {"team": None, "stage": "prod"})
    assert tracking.model_version("churn:2").tags == {"stage": "prod"}
    tracking.delete_model("churn", 2)
    assert [one.version for one in tracking.model("churn").versions] == [1]
    tracking.delete_model("churn")
    for ref in ("churn", "churn:1", "churn@champion"):
        with pytest.raises(NotFound):
            tracking.model_version(ref)


def test_a_model_outside_of_the_artifact_folders_is_not_read(tracking, tmp_path):
    made = tracking.register("evil", "file:///etc", run_id=None, tags={}, flavor="file")
    with pytest.raises(Forbidden, match="outside of this workspace"):
        tracking.fetch_model(made, tmp_path / "got")


@pytest.mark.parametrize("ref", ["churn:0", "churn:x", "churn:", " ", "a/b", "x" * 300])
def test_a_bad_model_reference_is_named(tracking, ref):
    with pytest.raises(BadInput):
        tracking.model_version(ref)


def test_a_server_that_does_not_answer_is_named_in_seconds():
    with pytest.raises(TrackingDown, match=r"127\.0\.0\.1:9 does not answer"):
        MlflowTracking("http://127.0.0.1:9", "http://127.0.0.1:9", "file:///nowhere").experiments()


def test_an_experiment_made_by_plain_mlflow_keeps_its_artifacts_in_the_workspace(workspace, tmp_path, monkeypatch):
    import mlflow
    from mlflow.tracking._tracking_service import utils

    monkeypatch.chdir(tmp_path)
    _ = workspace.tracking.client
    monkeypatch.setattr(utils, "_tracking_uri", workspace.tracking_uri)
    made = mlflow.MlflowClient().create_experiment("theirs")
    assert mlflow.MlflowClient().get_experiment(made).artifact_location.startswith(workspace.artifact_url)
    assert not (tmp_path / "mlruns").exists()


def test_two_threads_that_open_a_new_store_make_it_once(tmp_path):
    from jupyter_mlops.workspace import Workspace

    first, second = (Workspace.open(tmp_path, create=True) for _ in range(2))
    errors: list[Exception] = []

    def look(workspace: Workspace) -> None:
        try:
            workspace.tracking.experiments()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=look, args=(one,)) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    first.close()
    second.close()


def test_an_older_store_is_copied_and_migrated(workspace):
    path = workspace.root / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        newest = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    _downgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        older = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    assert older != newest
    assert [one.name for one in workspace.tracking.experiments()] == ["Default"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone()[0] == newest
    assert path.with_name(f"mlflow.db.{older}.backup").exists()


def test_an_older_store_whose_migration_fails_is_put_back(workspace, monkeypatch):
    from mlflow.store.db import utils

    path = workspace.root / "mlflow.db"
    _downgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        older = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]

    def upgrade_half(engine):
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE half_done (x INTEGER)")
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(utils, "_upgrade_db", upgrade_half)
        with pytest.raises(DiskFull):
            workspace.tracking.experiments()
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone()[0] == older
    assert "half_done" not in tables
    assert [one.name for one in workspace.tracking.experiments()] == ["Default"]


def test_a_newer_store_is_refused_untouched(workspace):
    path = workspace.root / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'fffffffffff0'")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(NewerTracking, match="fffffffffff0"):
        workspace.tracking.experiments()
    assert path.read_bytes() == before


def _downgrade(path: Path) -> None:
    """Make the store that MLflow itself would have made some revisions ago, by its own migrations."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.db import utils

    uri = f"sqlite:///{path}"
    path.unlink()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    config = utils._get_alembic_config(uri)
    revisions = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    engine = utils.create_sqlalchemy_engine(uri)
    utils.InitialBase.metadata.create_all(engine)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revisions[3])
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
            "SELECT 0, 'Default', 'x', 'active' WHERE NOT EXISTS (SELECT 1 FROM experiments)"
        )
        connection.commit()
