"""Models of other libraries answer as the library does, from MLflow's layout and from plain files, without MLflow."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.manifest import Column, ManifestModel, Schema, Tensor
from jupyter_mlops.scoring.bundle import read_manifest
from jupyter_mlops.scoring.flavors.files import recognised
from jupyter_mlops.scoring.loader import load

NAMES = ["a", "b", "c", "d"]
COLUMNS = Schema(columns=[Column(name=name, type="double") for name in NAMES])
MATRIX = Schema(tensors=[Tensor(dtype="float32", shape=[-1, 4])])
NONE = Schema()
ROWS = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
CLASSES = (ROWS[:, 0] + ROWS[:, 1] > 0).astype("int64")
SOME = ROWS[:3]


@pytest.fixture
def scored(tmp_path: Path, bundle_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that serves what ``save`` writes into a folder, where MLflow is not, and scores three rows."""

    def score(save: Callable[[Path], Any], schema: Schema, name: str = "") -> Any:
        folder = tmp_path / f"bundle{len(list(tmp_path.iterdir()))}"
        files = folder / "models" / "iris"
        files.parent.mkdir(parents=True)
        if name:
            files.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save(files / name if name else files)
        models = [ManifestModel(name="iris", version=1, flavor="known")]
        bundle = bundle_of(folder, models=models, schema=schema)
        with monkeypatch.context() as without:
            for module in [module for module in sys.modules if module.partition(".")[0] == "mlflow"] + ["mlflow"]:
                without.setitem(sys.modules, module, None)
            scorer = load(bundle, read_manifest(bundle), lambda _message, _stack: None)
            rows = [[float(value) for value in row] for row in SOME]
            body = (
                {"columns": dict(zip(NAMES, zip(*rows, strict=True), strict=True))}
                if schema.columns
                else {"inputs": rows}
            )
            data, n_rows = scorer.intake.read(json.dumps(body).encode(), "json")
            (outcome,) = scorer.score([data], [n_rows])
            if isinstance(outcome, MlopsError):
                raise outcome
            if scorer.batches:
                twice = scorer.score([data, data], [n_rows, n_rows])
                np.testing.assert_allclose(flat(twice[1]), flat(outcome), rtol=1e-6)
            return outcome

    return score


def flat(outcome: Any) -> Any:
    parts = outcome.values() if isinstance(outcome, dict) else [outcome]
    return np.concatenate([np.asarray(part, dtype="float64").ravel() for part in parts])


def same(outcome: Any, wanted: Any) -> None:
    np.testing.assert_allclose(flat(outcome), flat(wanted), rtol=1e-5, atol=1e-7)


@pytest.mark.filterwarnings("ignore")
def test_lightgbm(scored: Any) -> None:
    import lightgbm
    import mlflow.lightgbm

    settings = {"objective": "binary", "verbose": -1, "num_leaves": 4}
    booster = lightgbm.train(settings, lightgbm.Dataset(ROWS, CLASSES, feature_name=NAMES), 5)
    wanted = booster.predict(SOME)
    same(scored(lambda at: mlflow.lightgbm.save_model(booster, str(at), pip_requirements=[]), COLUMNS), wanted)
    same(scored(booster.save_model, COLUMNS, "model.txt"), wanted)
    same(scored(booster.save_model, NONE, "model.lgb"), wanted)
    estimator = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(ROWS, CLASSES)
    outcome = scored(lambda at: mlflow.lightgbm.save_model(estimator, str(at), pip_requirements=[]), COLUMNS)
    assert outcome.tolist() == estimator.predict(SOME).tolist()


@pytest.mark.filterwarnings("ignore")
def test_xgboost(scored: Any) -> None:
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    import mlflow.xgboost

    settings = {"objective": "binary:logistic", "max_depth": 3}
    data = xgboost.DMatrix(ROWS, CLASSES, feature_names=NAMES)
    for kind in ("gbtree", "gblinear"):
        booster = xgboost.train({**settings, "booster": kind}, data, 5)
        wanted = booster.predict(xgboost.DMatrix(SOME, feature_names=NAMES))
        same(
            scored(lambda at, it=booster: mlflow.xgboost.save_model(it, str(at), pip_requirements=[]), COLUMNS), wanted
        )
        same(scored(booster.save_model, COLUMNS, "model.ubj"), wanted)
        same(scored(booster.save_model, COLUMNS, "model.json"), wanted)
    estimator = xgboost.XGBClassifier(n_estimators=3).fit(ROWS, CLASSES)
    outcome = scored(lambda at: mlflow.xgboost.save_model(estimator, str(at), pip_requirements=[]), COLUMNS)
    assert outcome.tolist() == estimator.predict(SOME).tolist()


@pytest.mark.filterwarnings("ignore")
def test_pytorch(scored: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    import mlflow.pytorch

    layers = torch.nn.Linear(4, 3), torch.nn.Dropout(0.9), torch.nn.Linear(3, 2)
    net = torch.nn.Sequential(*layers)
    wanted = net.eval()(torch.from_numpy(SOME)).detach().numpy()
    net.train()  # a replica must not drop anything out
    for form in ("pickle", "pt2"):
        example = {"input_example": ROWS[:2]} if form == "pt2" else {}
        save = {"serialization_format": form, "pip_requirements": [], **example}
        same(scored(lambda at, how=save: mlflow.pytorch.save_model(net.eval(), str(at), **how), COLUMNS), wanted)
    for schema in (COLUMNS, MATRIX, NONE):
        same(scored(lambda at: torch.jit.script(net).save(str(at)), schema, "model.pt"), wanted)
    same(scored(lambda at: torch.save(net, at), MATRIX, "model.pth"), wanted)
    with pytest.raises(MlopsError, match=r"'model\.pt' holds a OrderedDict and no module: weights alone"):
        scored(lambda at: torch.save(net.state_dict(), at), MATRIX, "model.pt")


@pytest.mark.filterwarnings("ignore")
def test_keras_and_tensorflow(scored: Any) -> None:
    pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    keras = pytest.importorskip("keras", reason="keras is not installed")
    import mlflow.keras
    import mlflow.tensorflow

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    wanted = model.predict(SOME, verbose=0)
    for module in (mlflow.keras, mlflow.tensorflow):
        same(scored(lambda at, by=module: by.save_model(model, str(at), pip_requirements=[]), COLUMNS), wanted)
    same(scored(model.save, MATRIX, "model.keras"), wanted)
    same(scored(model.save, NONE, "model.h5"), wanted)
    same(scored(lambda at: model.export(str(at), verbose=False), MATRIX, "saved"), wanted)


def field(number: int, value: bytes | int) -> bytes:
    """Return a field of a protobuf message; the numbers here are small."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    assert len(value) < 128 * 128
    size = bytes([len(value)]) if len(value) < 128 else bytes([len(value) % 128 + 128, len(value) // 128])
    return bytes([number << 3 | 2]) + size + value


def onnx_file(kind: str, inputs: dict[str, list[int]], output: str) -> bytes:
    """Return an ONNX model of one node over float inputs; 0 stands for any number of rows."""

    def info(name: str, shape: list[int]) -> bytes:
        dims = b"".join(field(1, field(1, n) if n else field(2, b"n")) for n in shape)
        return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, dims)))

    node = b"".join(field(1, name.encode()) for name in inputs) + field(2, output.encode()) + field(4, kind.encode())
    graph = field(1, node) + field(2, b"g") + b"".join(field(11, info(*each)) for each in inputs.items())
    graph += field(12, info(output, next(iter(inputs.values()))))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def test_onnx(scored: Any) -> None:
    doubled = onnx_file("Neg", {"x": [0, 4]}, "y")
    for schema in (COLUMNS, MATRIX, NONE):
        same(scored(lambda at: at.write_bytes(doubled), schema, "model.onnx"), -SOME)

    def as_mlflow(at: Path) -> None:
        at.mkdir()
        (at / "model.onnx").write_bytes(doubled)
        (at / "MLmodel").write_text(
            "flavors:\n  onnx:\n    code: null\n    data: model.onnx\n    onnx_version: 1.19.0\n"
        )

    same(scored(as_mlflow, COLUMNS), -SOME)


def test_onnx_whose_inputs_are_columns(scored: Any) -> None:
    added = onnx_file("Sum", {key: [0, 1] for key in NAMES}, "y")
    same(scored(lambda at: at.write_bytes(added), COLUMNS, "model.onnx"), SOME.sum(axis=1))


def test_onnx_that_is_cut_short_is_refused(scored: Any) -> None:
    with pytest.raises(MlopsError, match="The model iris:1 cannot be loaded"):
        scored(lambda at: at.write_bytes(onnx_file("Neg", {"x": [0, 4]}, "y")[:40]), MATRIX, "model.onnx")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.json", b'{"weights": []}'),
        ("notes.txt", b"tree species\n"),
        ("model.pt", b"no zip"),
        ("model.pkl", b"\x80\x04."),
        ("model.h5", b"other"),
    ],
)
def test_files_of_no_known_library_are_left_to_a_script(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert recognised(tmp_path) is None
    assert recognised(tmp_path / name) is None


def test_two_models_in_one_folder_are_left_to_a_script(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_bytes(onnx_file("Neg", {"x": [0, 4]}, "y"))
    assert recognised(tmp_path) is None
    assert recognised(tmp_path / "a.onnx") == ("onnx", tmp_path / "a.onnx")
