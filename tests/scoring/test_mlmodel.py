"""What MLflow writes into MLmodel is read as a YAML library reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jupyter_mlops.scoring.mlmodel import BadModelFile, read_flavor

DESCRIBED = {
    "artifact_path": "model",
    "flavors": {
        "python_function": {"env": {"conda": "conda.yaml"}, "predict_fn": "predict", "python_version": "3.11.7"},
        "sklearn": {
            "code": None,
            "pickled_model": "my model: 'best'.skops",
            "serialization_format": "skops",
            "skops_trusted_types": ["numpy.dtype", "a.b: c"],
            "sklearn_version": "1.9.1",
        },
    },
    "signature": {"inputs": '[{"name": "sklearn:", "type": "double"}]'},
}


def test_settings_are_those_a_yaml_library_reads(tmp_path: Path) -> None:
    file = tmp_path / "MLmodel"
    file.write_text(yaml.safe_dump(DESCRIBED))
    assert read_flavor(file, "sklearn") == DESCRIBED["flavors"]["sklearn"]  # type: ignore[index]
    assert (read_flavor(file, "python_function") or {})["predict_fn"] == "predict"
    assert read_flavor(file, "xgboost") is None


@pytest.mark.parametrize("content", ["", "flavors: {}\n", "artifact_path: x\n"])
def test_a_file_without_flavors_has_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "MLmodel").write_text(content)
    assert read_flavor(tmp_path / "MLmodel", "sklearn") is None


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="MLmodel"):
        read_flavor(tmp_path / "MLmodel", "sklearn")
