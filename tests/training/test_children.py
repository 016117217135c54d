"""Child runs from cells, scripts and notebooks; the API's own side is in tests/test_api.py."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest

from jupyter_mlops.core.run import Run
from jupyter_mlops.training.runs import read_log, show_run
from jupyter_mlops.training.submit import submit_file
from jupyter_mlops.workspace import Workspace

NESTED = (
    "import jupyter_mlops as ml, mlflow\n"
    "ml.log({'top': 1})\n"
    "with ml.child('outer', params={'k': 2}):\n"
    "    mlflow.log_metric('plain', 1)\n"
    "    with ml.child('inner'):\n"
    "        ml.log({'loss': 0.5}); ml.log({'loss': 0.25})\n"
    "        ml.log_table([{'x': 1}], 'rows')\n"
    "ml.log({'top': 2})\n"
    "mlflow.log_metric('after', 3)\n"
)


def ended(world: Workspace, run: Run, timeout_s: float = 90) -> Run:
    deadline = time.monotonic() + timeout_s
    while (now := world.tracking.run(run.id)).status in {"RUNNING", "SCHEDULED"} and time.monotonic() < deadline:
        time.sleep(0.1)
    assert now.status == "FINISHED", read_log(world, run.id, "stderr")
    return now


def check_nested(world: Workspace, run: Run) -> None:
    (outer,) = world.tracking.children(run.id)
    (inner,) = world.tracking.children(outer.id)
    assert [(one.name, one.status, one.experiment) for one in (outer, inner)] == [
        ("outer", "FINISHED", run.experiment),
        ("inner", "FINISHED", run.experiment),
    ]
    assert (outer.metrics, outer.params) == ({"plain": 1.0}, {"k": "2"})
    assert [(point.step, point.value) for point in world.tracking.history(inner.id, "loss")] == [(0, 0.5), (1, 0.25)]
    assert [one.path for one in show_run(world, inner.id).artifacts] == ["tables/rows.json"]
    assert world.tracking.run(run.id).metrics == {"top": 2.0, "after": 3.0}


def test_a_cell_has_children_below_children(kernel, world):
    reply = kernel.run(f"%%ml run -n nested -e nesting\n{NESTED}")
    assert reply.status == "ok", reply.traceback
    check_nested(world, world.tracking.run("nested"))


@pytest.mark.slow
def test_a_script_and_a_notebook_have_them_too(world, home):
    folder = home / "files"
    folder.mkdir()
    (folder / "train.py").write_text(NESTED)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(NESTED)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), str(folder / "report.ipynb"))
    runs = [submit_file(world, Path(folder / name), experiment="files") for name in ("train.py", "report.ipynb")]
    for run in runs:
        check_nested(world, ended(world, run))


def test_a_cell_may_be_a_child_of_the_kernels_last_run_that_is_none_itself(kernel, world):
    kernel.run("%%ml run -n top -e below\npass")
    for name in ("one", "two"):
        assert kernel.run(f"%%ml run --child -n {name}\nimport mlflow; mlflow.log_metric('x', 1)").status == "ok"
    top = world.tracking.run("top")
    found = world.tracking.children(top.id)
    assert [(one.name, one.experiment, one.metrics) for one in found] == [
        ("one", "below", {"x": 1.0}),
        ("two", "below", {"x": 1.0}),
    ]


def test_a_child_of_nothing_is_refused_before_the_cell_runs(kernel, world):
    kernel.run("%unload_ext jupyter_mlops\n%load_ext jupyter_mlops")
    n_runs = len(world.tracking.runs(limit=1000))
    reply = kernel.run("%%ml run --child\nprint('ran')")
    assert "No run of this kernel can be the parent" in reply.evalue
    assert "without `--child`" in reply.traceback
    assert "ran" not in reply.stdout
    assert len(world.tracking.runs(limit=1000)) == n_runs


def test_a_cell_interrupted_in_a_child_leaves_both_killed(kernel, world):
    kernel.run(
        "%%ml run -n stopped\nimport time, jupyter_mlops as ml\n"
        "with ml.child('going'):\n    print('go', flush=True)\n    time.sleep(60)",
        interrupt_when="go",
    )
    run = world.tracking.run("stopped")
    assert (run.status, [one.status for one in world.tracking.children(run.id)]) == ("KILLED", ["KILLED"])
