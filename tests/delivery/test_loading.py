"""The program that loads a run does so as it is, in an interpreter that knows nothing else."""

from __future__ import annotations

from typing import Any

import mlflow

from jupyter_mlops.delivery.loading import loading_program, model_program
from jupyter_mlops.delivery.models import alias_model, register_model


def executed(source: str) -> dict[str, Any]:
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    names: dict[str, Any] = {}
    try:
        exec(source, names)  # that is what is promised of it
    finally:
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])
        names["workspace"].close()
    return names


def test_a_model_version_is_loaded_by_number_and_by_what_its_alias_names(trained):
    register_model(trained.world, trained.run.id, "loaded", path="frame")
    alias_model(trained.world, "loaded:1", "champion")
    assert "models:/loaded/1" in model_program(trained.world, "loaded").source
    names = executed(model_program(trained.world, "loaded@champion").source)
    assert names["model"].metadata.run_id == trained.run.id


def test_a_model_that_is_a_file_is_downloaded(trained, tmp_path, monkeypatch):
    register_model(trained.world, trained.run.id, "weights-file", path="outputs/weights.bin")
    monkeypatch.chdir(tmp_path)
    names = executed(model_program(trained.world, "weights-file:1").source)
    assert names["folder"].resolve() == tmp_path / "weights-file-1"
    assert [file.read_bytes() for file in names["folder"].iterdir()] == [b"\x00weights"]


def test_it_loads_the_run_and_its_newest_model(trained):
    source = loading_program(trained.world, "train").source
    names = executed(source)
    assert names["run"].id == trained.run.id
    assert names["run"].params == {"C": "0.5"}
    signature = names["model"].metadata.get_input_schema()
    assert signature is not None
    assert "It logged frame too" in source


def test_what_a_run_is_called_stays_in_a_comment(workspace):
    run = workspace.tracking.create_run("e", "evil\nimport os\nos.abort()", tags={}, params={})
    workspace.tracking.end_run(run.id, "FINISHED")
    lines = loading_program(workspace, run.id).source.splitlines()
    assert not any(line.startswith(("import os", "os.")) for line in lines)
    assert "mlflow" not in "\n".join(lines)
