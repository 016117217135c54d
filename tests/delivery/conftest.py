"""A workspace with one run that logged a small model, shared by all: logging one costs MLflow seconds; and services."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.manifest import ManifestModel
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import Run
from jupyter_mlops.core.service import Deployment, Limits, Service
from jupyter_mlops.delivery.keys import fresh_keys, keep_keys
from jupyter_mlops.scoring.bundle import read_manifest
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


_spec = importlib.util.spec_from_file_location("replicas", Path(__file__).parents[1] / "scoring" / "conftest.py")
replicas = importlib.util.module_from_spec(_spec)
sys.modules.setdefault("replicas", replicas)  # dataclasses look their module up
_spec.loader.exec_module(replicas)


class Served:
    """Services of a workspace without agent and gateway: each is one real replica, at the port that the record names."""

    def __init__(self, world: Workspace, folder: Path) -> None:
        self.world = world
        self._folder = folder
        self.replicas: dict[str, Any] = {}

    def start(
        self, name: str, *, script: str = "", model: Any = None, limits: Limits | None = None, **manifest: Any
    ) -> Any:
        """Start a service of a scoring script, or of an estimator; return its replica, which may not be ready yet."""
        bundle = self._folder / name
        bundle.mkdir()
        if model is not None:
            write_estimator(bundle / "models" / "m", model)
            manifest["models"] = [ManifestModel(name="m", version=1, flavor="sklearn")]
        else:
            (bundle / "code").mkdir()
            (bundle / "code" / "score.py").write_text(script)
            manifest |= {"models": [], "script": "code/score.py"}
        replicas.write_bundle(bundle, **{"name": name, **manifest})
        made = read_manifest(bundle)
        self.world.catalog.add(made)
        limits = limits or Limits()
        replica = replicas.Server(bundle, self._folder / f"{name}-replica", limits=encode(limits).decode())
        self.replicas[name] = replica.listening()
        keys = fresh_keys()
        keep_keys(self.world, name, keys)
        replica.set_keys(keys.primary, keys.secondary)
        deployment = Deployment(name="m1", manifest=made.ref)
        port = int(replica.address.rpartition(":")[2])
        self.world.catalog.add(Service(name=name, host="process", deployments=[deployment], port=port, limits=limits))
        return replica


def write_estimator(folder: Path, model: Any) -> None:
    """Write a scikit-learn model as MLflow does, in a hundredth of its time."""
    import skops.io

    folder.mkdir(parents=True)
    skops.io.dump(model, folder / "model.skops")
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    predict_fn: predict\n"
        "  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n"
    )


@pytest.fixture(scope="module")
def served(open_workspace: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Start services that the tests of a module ask."""
    folder = tmp_path_factory.mktemp("served")
    with closing(open_workspace(folder)) as world:
        house = Served(world, folder)
        yield house
        for replica in house.replicas.values():
            replica.process.kill()
            replica.process.wait()
