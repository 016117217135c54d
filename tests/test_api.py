"""The Python API in a run of its own process, on a real store; read back with plain MLflow."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from mlflow import MlflowClient
from PIL import Image

import jupyter_mlops as ml
from jupyter_mlops.cli import runs as _views  # noqa: F401  # how a run is shown
from jupyter_mlops.cli.render import to_mime
from jupyter_mlops.core.errors import BadInput, MlopsError, NotFound
from jupyter_mlops.core.run import Run
from jupyter_mlops.training.active import NoActiveRun, activate, deactivate
from jupyter_mlops.training.capture import Capture, Plan, begin
from jupyter_mlops.training.mlflow_scope import mlflow_scope
from jupyter_mlops.training.runs import show_run
from jupyter_mlops.workspace import Workspace


@pytest.fixture(scope="module")
def world(tmp_path_factory, open_workspace) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path_factory.mktemp("api"))
    yield opened
    opened.close()


@pytest.fixture
def run(world: Workspace) -> Iterator[Capture]:
    """A run that is active in this process, as in a tracked cell."""
    capture = begin(world, Plan(experiment="api", folder=world.home, snapshot=False, notebook="work.ipynb"))
    experiment = world.tracking.experiment("api")
    capture.scopes.enter_context(mlflow_scope(capture, experiment.id))
    activate(capture)
    capture.scopes.callback(deactivate, capture)
    yield capture
    capture.end("FINISHED")


@pytest.fixture
def client(world: Workspace) -> MlflowClient:
    return MlflowClient(tracking_uri=world.tracking_uri)


def children(world: Workspace, run_id: str) -> dict[str, Run]:
    return {one.name: one for one in world.tracking.children(run_id)}


def test_a_child_takes_what_is_logged_inside_it_and_ends_with_the_block(run, world):
    with ml.child("fold 3", params={"C": 0.5}, tags={"kind": "fold"}) as fold:
        ml.log({"auc": 0.9})
        mlflow.log_metric("loss", 1, step=4)
        mlflow.log_param("depth", 3)
    ml.log({"auc": 0.1})
    found = children(world, run.run_id)["fold 3"]
    assert (found.id, found.status, found.parent) == (fold.id, "FINISHED", run.run_id)
    assert found.metrics == {"auc": 0.9, "loss": 1.0}
    assert found.params == {"C": "0.5", "depth": "3"}
    assert (found.tags["kind"], found.tags["mlops.notebook"], found.experiment) == ("fold", "work.ipynb", "api")
    assert found.ended_at >= found.started_at
    assert run.run_id not in children(world, run.run_id)


def test_children_nest_to_any_depth_and_each_counts_its_own_steps(run, world):
    def go_down(depth: int) -> None:
        ml.log({"depth": depth})
        if depth < 5:
            with ml.child(f"level {depth + 1}"):
                go_down(depth + 1)
        ml.log({"depth": -depth})

    with ml.child("level 1"):
        go_down(1)
    parent, seen = run.run_id, []
    while below := world.tracking.children(parent):
        (one,) = below
        seen.append([(point.step, point.value) for point in world.tracking.history(one.id, "depth")])
        parent = one.id
    assert seen == [[(0, depth), (1, -depth)] for depth in range(1, 6)]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [(ValueError("bad fold"), "FAILED", "ValueError: bad fold"), (KeyboardInterrupt(), "KILLED", "Interrupted.")],
)
def test_a_child_whose_block_raises_says_why_and_the_error_goes_on(run, world, error, status, reason):
    def work() -> None:
        with ml.child("broken"):
            raise error

    with pytest.raises(type(error)):
        work()
    found = children(world, run.run_id)["broken"]
    assert (found.status, found.reason) == (status, reason)
    stored = {one.path for one in world.tracking.artifacts(found.id)}
    assert ("traceback.txt" in stored) == (status == "FAILED")
    ml.log({"after": 1})
    run.journal.flush()
    assert world.tracking.run(run.run_id).metrics == {"after": 1}


def test_children_of_several_threads_do_not_meet(run, world):
    both = threading.Barrier(2, timeout=20)

    def fold(number: int) -> None:
        with ml.child(f"fold {number}"):
            both.wait()
            ml.log({"number": number})
            mlflow.log_metric("plain", number)
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fold, [1, 2]))
    found = children(world, run.run_id)
    assert {name: one.metrics for name, one in found.items()} == {
        "fold 1": {"number": 1, "plain": 1},
        "fold 2": {"number": 2, "plain": 2},
    }


def test_a_thread_begun_in_a_child_of_the_main_thread_logs_to_it(run, world):
    def work() -> None:
        ml.log({"ours": 1})
        mlflow.log_metric("plain", 2)
        with mlflow.start_run(nested=True, run_name="grandchild"):
            pass

    with ml.child("outer"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    outer = children(world, run.run_id)["outer"]
    assert outer.metrics == {"ours": 1, "plain": 2}
    assert list(children(world, outer.id)) == ["grandchild"]


def test_code_with_its_own_start_run_joins_the_child_that_it_runs_in(run, world):
    def train(C: int) -> None:  # noqa: N803  # as in many a script
        with mlflow.start_run():
            mlflow.log_param("C", C)
        mlflow.end_run()
        ml.log({"done": 1})

    for C in (1, 2):  # noqa: N806  # the same
        with ml.child(f"C={C}"):
            train(C)
    found = children(world, run.run_id)
    assert {name: (one.params["C"], one.status) for name, one in found.items()} == {
        "C=1": ("1", "FINISHED"),
        "C=2": ("2", "FINISHED"),
    }
    assert [one for child in found.values() for one in world.tracking.children(child.id)] == []


def test_a_child_that_cannot_begin_is_refused_and_leaves_nothing(run, world):
    for name, options, said in (
        ("it's", {}, "it's"),
        ("two\nlines", {}, "two"),
        ("", {}, "''"),
        ("x", {"params": {"": 1}}, "''"),
        ("x", {"tags": ["team"]}, "list"),
        ("x", {"params": {"C": "1" * 7000}}, "'C' has 7000 characters"),
    ):
        with pytest.raises(BadInput) as refused, ml.child(name, **options):
            pass
        assert said in refused.value.message
    assert children(world, run.run_id) == {}


def test_without_a_run_each_verb_says_so():
    for call in (
        lambda: ml.tag(a=1),
        lambda: ml.note("x"),
        lambda: ml.log_params(a=1),
        lambda: ml.log_table({"x": [1]}, "x"),
        lambda: ml.log_image(np.zeros((2, 2)), "x"),
        lambda: ml.log_dataset(np.zeros(2), "x"),
        lambda: ml.child("x").__enter__(),
    ):
        with pytest.raises(NoActiveRun):
            call()


def test_tags_notes_and_parameters_are_mlflows_own(run, client):
    ml.tag({"data.version": 3}, team="risk")
    ml.note("Baseline, **without** the new columns.")
    ml.log_params({"C": 0.5}, kernel="rbf")
    found = client.get_run(run.run_id).data
    assert (found.tags["team"], found.tags["data.version"]) == ("risk", "3")
    assert found.tags["mlflow.note.content"] == "Baseline, **without** the new columns."
    assert found.params == {"C": "0.5", "kernel": "rbf"}
    with pytest.raises(BadInput, match="C"):
        ml.log_params(C=0.7)


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"x": [1, 2], "y": ["a", None]}),
        {"x": [1, 2], "y": np.array(["a", None], dtype=object)},
        [{"x": 1, "y": "a"}, {"x": 2}],
    ],
    ids=["frame", "columns", "rows"],
)
def test_a_table_is_what_mlflow_shows_as_one(run, client, data):
    ml.log_table(data, "errors")
    tags = client.get_run(run.run_id).data.tags
    assert json.loads(tags["mlflow.loggedArtifacts"]) == [{"path": "tables/errors.json", "type": "table"}]
    found = mlflow.load_table("tables/errors.json", run_ids=[run.run_id])
    assert found["x"].tolist() == [1, 2]
    assert found["y"][0] == "a"
    assert found["y"].isna().tolist() == [False, True]


def test_rows_of_a_second_call_are_added(run):
    ml.log_table({"x": [1]}, "log")
    ml.log_table({"x": 2}, "log")
    assert mlflow.load_table("tables/log.json", run_ids=[run.run_id])["x"].tolist() == [1, 2]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        ({"x": [1, 2], "y": [1]}, "t", "In the table 't' the column 'y' has 1 rows, where others have 2."),
        ({"x": [1, 2], "y": 1}, "t", "'y' is one value"),
        ({}, "t", "The table 't' has no columns."),
        ([], "t", "The table 't' has no rows."),
        ([1, 2], "t", "The table 't' is a list"),
        ("text", "t", "The table 't' is a str"),
        ({"x": [1]}, "../t", "'../t' is not a file name."),
        ({"x": [1]}, "", "'' is not a file name."),
    ],
)
def test_what_is_no_table_is_refused_by_name(data, name, said):
    with pytest.raises(BadInput) as refused:
        ml.log_table(data, name)
    assert said in refused.value.message
    assert refused.value.hint


def test_images_with_a_step_are_a_series_that_mlflow_shows(run, client):
    for step in range(2):
        ml.log_image(np.full((8, 6, 3), 40 * step, dtype=np.uint8), "mask", step=step)
    names = [one.path for one in client.list_artifacts(run.run_id, "images")]
    assert sorted(name.partition("+timestamp")[0] for name in names if name.endswith(".png")) == [
        "images/mask+step+0",
        "images/mask+step+1",
    ]
    assert client.get_run(run.run_id).data.tags["mlflow.loggedImages"] == "True"


def test_images_of_every_kind_are_stored_as_pictures(run, client, tmp_path):
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    Image.new("L", (5, 4), 7).save(tmp_path / "photo.jpg")
    ml.log_image(np.linspace(0, 1, 12).reshape(3, 4), "gray")
    ml.log_image(np.zeros((3, 8, 6), dtype=np.float32), "channels first.png")
    ml.log_image(np.array([[True, False]]), "bits")
    ml.log_image(Image.new("RGB", (5, 4)), "pil")
    ml.log_image(figure, "figure")
    ml.log_image(tmp_path / "photo.jpg", "photo")
    ml.log_image(tmp_path / "photo.jpg", "photos", step=1)
    folder = Path(client.download_artifacts(run.run_id, "figures", str(tmp_path)))
    sizes, gray = {}, None
    for path in folder.iterdir():
        with Image.open(path) as image:
            sizes[path.name] = image.size
            gray = np.asarray(image) if path.name == "gray.png" else gray
    assert sizes.pop("figure.png")[0] > 100
    assert sizes == {
        "gray.png": (4, 3),
        "channels first.png": (6, 8),
        "bits.png": (2, 1),
        "pil.png": (5, 4),
        "photo.jpg": (5, 4),
    }
    assert gray[-1, -1] == 255


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((2, 2, 7)), "The image 'x' has the shape (2, 2, 7)."),
        (np.zeros(3), "shape (3,)"),
        (np.full((2, 2), 1.5), "values from 1.5 to 1.5"),
        (np.full((2, 2), -1), "values from -1 to -1"),
        (np.full((2, 2), np.nan), "not numbers"),
        (np.array([["a"]]), "not numbers"),
        (7, "The image 'x' is a int"),
        ("gone.png", "no image gone.png"),
    ],
)
def test_what_is_no_image_is_refused_by_name(image, said):
    with pytest.raises(MlopsError) as refused:
        ml.log_image(image, "x")
    assert said in refused.value.message


def test_a_dataset_is_an_input_of_the_run_with_digest_schema_profile_and_source(run, client, world, tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "c"]})
    frame.to_csv(tmp_path / "train.csv", index=False)
    ml.log_dataset(frame, "frame")
    ml.log_dataset(tmp_path / "train.csv", "file", context="validation")
    ml.log_dataset({"X": np.zeros((4, 2)), "w": np.ones(4)}, "arrays")
    (tmp_path / "model.bin").write_bytes(b"123")
    ml.log_dataset(str(tmp_path / "model.bin"), "bytes")
    ml.log_dataset("https://example.com/data.zip", "remote")
    logged = {one.dataset.name: one for one in client.get_run(run.run_id).inputs.dataset_inputs}
    assert set(logged) == {"frame", "file", "arrays", "bytes", "remote"}
    assert json.loads(logged["frame"].dataset.profile) == {"num_rows": 3, "num_elements": 6}
    assert "mlflow_colspec" in logged["file"].dataset.schema
    assert str(tmp_path / "train.csv") in logged["file"].dataset.source
    assert {tag.key: tag.value for tag in logged["file"].tags} == {"mlflow.data.context": "validation"}
    assert "example.com" in logged["remote"].dataset.source
    assert len({one.dataset.digest for one in logged.values()}) == 5
    assert {one.name: one.context for one in world.tracking.datasets(run.run_id)}["file"] == "validation"


def test_a_run_shows_its_note_its_children_and_its_data(run, world):
    ml.note("Why **this** one.")
    ml.log_dataset(pd.DataFrame({"x": [1.0, 2.0]}), "customers", context="validation")
    with ml.child("fold 1"):
        ml.log({"auc": 0.75})
    detail = show_run(world, run.run_id)
    assert [one.name for one in detail.children] == ["fold 1"]
    shown = to_mime(detail)["text/plain"]
    for text in ("Why **this** one.", "fold 1", "auc", "0.75", "customers", "validation", "num_rows"):
        assert text in shown


def test_a_file_that_changed_is_another_dataset(run, client, tmp_path):
    for text in ("x\n1\n", "x\n2\n"):
        (tmp_path / "t.csv").write_text(text)
        ml.log_dataset(tmp_path / "t.csv", "t")
    digests = [one.dataset.digest for one in client.get_run(run.run_id).inputs.dataset_inputs]
    assert len(set(digests)) == 2


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("data", "name", "error", "said"),
    [
        ("gone.csv", "d", NotFound, "gone.csv"),
        (object(), "d", BadInput, "The dataset 'd' cannot be read"),
        (3, "d", BadInput, "The dataset 'd' cannot be read"),
        (np.zeros(2), "", BadInput, "'' is not the name of a dataset."),
    ],
)
def test_what_is_no_dataset_is_refused_by_name(data, name, error, said):
    with pytest.raises(error) as refused:
        ml.log_dataset(data, name)
    assert said in refused.value.message
