"""The program that loads a run does so as it is, in an interpreter that knows nothing else."""

from __future__ import annotations

import mlflow

from jupyter_mlops.delivery.loading import loading_program


def test_it_loads_the_run_and_its_newest_model(trained):
    before = mlflow.get_tracking_uri()
    names: dict[str, object] = {}
    source = loading_program(trained.world, "train").source
    try:
        exec(source, names)  # that is what is promised of it
    finally:
        mlflow.set_tracking_uri(before)
        names["workspace"].close()
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
