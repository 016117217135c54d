"""What a model's folder says: which library opens it, and whether its image needs MLflow."""

from __future__ import annotations

import json

import pytest

from jupyter_mlops.delivery.mlmodel import flavor_of, read_model

PARAMS = json.dumps([{"name": "top", "type": "long", "default": 3, "shape": None}])


def described(folder, flavor, signature=""):
    (folder / "MLmodel").write_text(
        f"flavors:\n  {flavor}:\n    data: model.bin\n  python_function:\n    loader_module: mlflow.{flavor}\n"
        f"    python_version: 3.11.7\n{signature}"
    )
    (folder / "requirements.txt").write_text("mlflow==3.17.2\nonnxruntime==1.20.0\nnumpy==2.0.0\n")
    return folder


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm", "onnx", "pytorch", "keras", "tensorflow"])
def test_flavors_with_a_loader_of_their_own_leave_mlflow_out(tmp_path, flavor):
    folder = described(tmp_path, flavor)
    assert flavor_of(folder) == flavor
    model = read_model(folder)
    assert (model.flavor, model.python) == (flavor, "3.11")
    assert model.requirements == ["numpy==2.0.0", "onnxruntime==1.20.0"]


def test_other_flavors_and_parameters_keep_the_small_mlflow(tmp_path):
    for flavor, signature in (("prophet", ""), ("onnx", f"signature:\n  inputs: '[]'\n  params: '{PARAMS}'\n")):
        model = read_model(described(tmp_path, flavor, signature))
        assert "mlflow-skinny==3.17.2" in model.requirements


def test_a_library_s_own_file_brings_what_opens_it_unless_that_is_listed(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08")
    assert [line.partition("==")[0] for line in read_model(tmp_path).requirements] == ["numpy", "onnxruntime"]
    (tmp_path / "requirements.txt").write_text("onnxruntime-gpu==1.20.0\nnumpy<3\n")
    assert read_model(tmp_path).requirements == ["numpy<3", "onnxruntime-gpu==1.20.0"]
