"""The runtime layer of an image, core and scoring alone, serves with nothing else of ours and no package it does not name."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import jupyter_mlops

RUNTIME = ("msgspec", "httptools", "uvloop")


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A folder with core, scoring, an empty package around them, and links to the runtime's packages."""
    source, layer = Path(jupyter_mlops.__file__).parent, tmp_path / "layer"
    (layer / "jupyter_mlops").mkdir(parents=True)
    (layer / "jupyter_mlops/__init__.py").touch()
    for name in ("core", "scoring"):
        shutil.copytree(source / name, layer / "jupyter_mlops" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        (layer / name).symlink_to(Path(spec.origin).parent)
    return layer


@pytest.mark.parametrize("without", [None, "uvloop"])
def test_the_layer_alone_serves_a_script(
    layer: Path, start: Callable[..., Any], script_bundle: Callable[..., Path], tmp_path: Path, without: str | None
) -> None:
    """-S leaves out every installed package: what is imported is in the layer, or Python's own."""
    if without:
        (layer / without).unlink()
    source = """
        import sys

        def run(data):
            return sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names)
    """
    bundle = script_bundle(tmp_path / "b", source, sample={})
    server = start(bundle, python=(sys.executable, "-S"), env={"PYTHONPATH": str(layer)}).ready()
    imported = set(server.post({}).json)
    ours = {*RUNTIME, "jupyter_mlops", "score", "cython_runtime"} - {without}
    assert {name for name in imported if not name.startswith("_")} <= ours
    refused = server.post(
        {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}, "/v2/models/iris/infer"
    )
    assert (refused.status, refused.json["code"]) == (503, "package-missing")
    arrow = server.post(b"", content_type="application/vnd.apache.arrow.stream")
    assert (arrow.status, arrow.json["code"]) == (415, "unsupported-media-type")
    assert "add pyarrow to the model's requirements" in arrow.json["hint"]
    for path in ("/openapi.json", "/swagger.json", "/metrics", "/v2/models/iris"):
        assert server.get(path).status == 200
    assert server.stop() == 0


def test_a_model_whose_library_is_missing_is_named(layer: Path, start: Callable[..., Any], iris_bundle: Path) -> None:
    server = start(iris_bundle, python=(sys.executable, "-S"), env={"PYTHONPATH": str(layer)})
    errors = server.failed()
    assert "needs the package 'skops', which is not installed here" in errors
    assert "Traceback" not in errors
