"""A workspace with one run that logged a small model, shared by all: logging one costs MLflow seconds."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import Run
from jupyter_mlops.training.capture import Capture, Plan, attach
from jupyter_mlops.training.mlflow_scope import mlflow_scope
from jupyter_mlops.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A workspace and the run in it that logged two models, ``frame`` (named columns) and ``array`` (a tensor)."""

    world: Workspace
    run: Run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    home = tmp_path_factory.mktemp("trained")
    world = Workspace.open(home, create=True)
    tags = {
        "mlops.snapshot": "0123456789abcdef",
        "mlops.git.commit": "c" * 40,
        "mlops.git.branch": "main",
        "mlops.git.remote": "git@example.org:team/project.git",
    }
    run = world.tracking.create_run("churn", "train", tags=tags, params={"C": "0.5"})
    capture = attach(world, Plan(folder=home, snapshot=False), run, None)
    log_models(capture)
    file = home / "environment.json"
    file.write_bytes(encode(Environment(python="3.11.7", packages={"scikit-learn": "1.9.1"}, platform="linux")))
    world.tracking.store(run.id, file, "mlops")
    (home / "weights.bin").write_bytes(b"\x00weights")
    world.tracking.store(run.id, home / "weights.bin", "outputs")
    capture.end("FINISHED")
    yield Trained(world=world, run=world.tracking.run(run.id))
    world.close()


def log_models(run: Capture) -> None:
    import mlflow
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    frame = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "spend": [1.0, 0.0, 1.0, 0.0]})
    labels = [0, 0, 1, 1]
    experiment = run.world.tracking.experiment(run.run.experiment)
    with warnings.catch_warnings(), mlflow_scope(run, experiment.id):
        warnings.simplefilter("ignore")
        # Finding out what a model needs takes MLflow a process of its own: once is enough.
        for name, data, needs in (("frame", frame, None), ("array", frame.to_numpy(), ["scikit-learn"])):
            model = LogisticRegression().fit(data, labels)
            mlflow.sklearn.log_model(model, name=name, input_example=data[:2], pip_requirements=needs)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow model folder written by hand, as another tool might leave it."""
    folder = tmp_path_factory.mktemp("elsewhere") / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    python_version: 3.12.1\n"
        "  sklearn:\n    pickled_model: model.skops\n"
        'signature:\n  inputs: \'[{"type": "double", "name": "age", "required": true}]\'\n'
    )
    (folder / "model.skops").write_bytes(b"not a real one")
    (folder / "requirements.txt").write_text(
        "mlflow==3.17.2\nnumpy==2.0.0\npytest==9.0\nscikit-learn==1.5.0\nflask==3.0\n"
    )
    return folder
