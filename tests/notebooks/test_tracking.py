"""The tracking notebook, executed: what it says of runs is what the workspace has afterwards."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import nbformat
import papermill
import pytest

from jupyter_mlops.store.folder import SystemSettings, write_settings
from jupyter_mlops.training.notebook import this_interpreter
from jupyter_mlops.training.runs import show_run
from jupyter_mlops.workspace import Workspace

_spec = importlib.util.spec_from_file_location("kernels", Path(__file__).parents[1] / "training" / "kernels.py")
kernels = importlib.util.module_from_spec(_spec)
sys.modules.setdefault("kernels", kernels)  # dataclasses look their module up
_spec.loader.exec_module(kernels)

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "tracking.ipynb"
CARD = "application/vnd.mlops.run+json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executed(tmp_path_factory, open_workspace):
    """The notebook's cells, executed in a kernel that is told what JupyterLab tells it."""
    folder = tmp_path_factory.mktemp("tracking")
    with closing(open_workspace(folder)) as workspace:
        sampled = msgspec.structs.replace(workspace.settings, system=SystemSettings())
        write_settings(workspace.root, sampled)
    notebook = shutil.copy(NOTEBOOK, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JPY_SESSION_NAME", str(notebook))
        papermill.execute_notebook(
            str(notebook),
            str(folder / "out.ipynb"),
            cwd=str(folder),
            kernel_name="python3",
            progress_bar=False,
            kernel_manager_class=this_interpreter(),
        )
    return {cell.id: cell for cell in nbformat.read(folder / "out.ipynb", as_version=4).cells}, folder


@pytest.fixture(scope="module")
def world(executed):
    workspace = Workspace.open(executed[1])
    yield workspace
    workspace.close()


def card(cell):
    [found] = [output.data[CARD] for output in cell.outputs if CARD in output.get("data", {})]
    return found


def text(cell):
    return "".join(output.get("text", "") or output.data["text/plain"] for output in cell.outputs)


def test_no_cell_fails_or_warns(executed):
    outputs = [output for cell in executed[0].values() for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def test_a_tracked_cell_ends_with_one_card(executed):
    shown = card(executed[0]["baseline"])
    assert (shown["run"]["name"], shown["run"]["status"]) == ("baseline", "FINISHED")
    assert [trend["n_points"] for trend in shown["trends"]] == [30, 30]
    assert [one["path"] for one in shown["pictures"]] == ["figures/confusion.png", "figures/wrong.png"]
    assert all(one["address"].startswith("data:image/png;base64,") for one in shown["pictures"])
    assert "Eights" in shown["notes"]
    assert "MB of memory" in shown["machine"]


def test_what_it_says_of_hidden_state_is_so(executed, tmp_path, open_workspace):
    assert card(executed[0]["subset"])["hidden_state"] == []
    open_workspace(tmp_path).close()
    notebook = Path(shutil.copy(NOTEBOOK, tmp_path))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MLOPS_", "MLFLOW_"))}
    kernel = kernels.Kernel(tmp_path, {**env, "JPY_SESSION_NAME": str(notebook)})
    try:
        for name in ("load-ext", "data"):
            assert kernel.run(executed[0][name].source).status == "ok"
        notebook.write_text(notebook.read_text("utf-8").replace("data / 16", "data / 15"), "utf-8")
        imports = "from sklearn.linear_model import SGDClassifier"
        reply = kernel.run(executed[0]["subset"].source.replace("# Train on", f"{imports}\n# Train on"))
    finally:
        kernel.close()
    hidden = reply.updates[-1][CARD]["hidden_state"]
    assert any("`X_train`" in line for line in hidden)


def test_the_runs_are_in_the_workspace(world):
    detail = show_run(world, "baseline")
    assert detail.run.tags["reviewed"] == "yes"
    assert detail.run.metrics["system/process_memory_usage_megabytes"] > 0
    assert [one.name for one in detail.datasets] == ["digits"]
    assert {"figures/confusion.png", "logs/stdout.txt", "source/session.ipynb"} <= {
        one.path for one in detail.artifacts
    }
    folds = world.tracking.run("folds")
    children = [run.name for run in world.tracking.runs(limit=20) if run.parent == folds.id]
    assert sorted(children) == ["fold-0", "fold-1", "fold-2"]


def test_tables_of_runs_are_widgets_with_a_plain_table_beside(executed):
    for name in ("watch", "table", "where"):
        [output] = executed[0][name].outputs
        assert set(output.data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert [one["name"] for one in card(executed[0]["folds-show"])["children"]] == ["fold-0", "fold-1", "fold-2"]


def test_lists_comparisons_and_differences_name_them(executed):
    cells, _ = executed
    assert re.search(r"baseline[\s\S]*FINISHED", text(cells["where"]))
    assert "shifted" in text(cells["compare"])
    assert "shift.py" in text(cells["diff"])
    assert "digits are wrong" in text(cells["logs"])


def test_the_baseline_is_reproduced(executed, world):
    assert "Every metric is the same." in text(executed[0]["reproduce"])
    again = world.tracking.run("baseline-again")
    original = world.tracking.run("baseline")
    assert again.tags["mlops.reproduces"] == original.id
    assert (again.params, again.results) == (original.params, original.results)


def test_it_is_committed_without_outputs_and_without_a_path_of_any_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert not re.search(r"/(home|work|tmp|Users|root)/", NOTEBOOK.read_text("utf-8"))
