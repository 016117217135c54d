"""The tracking notebook, executed: what it says of runs is what the workspace has afterwards."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import papermill
import pytest

from jupyter_mlops.training.notebook import this_interpreter
from jupyter_mlops.training.runs import show_run
from jupyter_mlops.workspace import Workspace

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "tracking.ipynb"
CARD = "application/vnd.mlops.run+json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executed(tmp_path_factory, open_workspace):
    folder = tmp_path_factory.mktemp("tracking")
    open_workspace(folder).close()
    papermill.execute_notebook(
        str(NOTEBOOK),
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
    assert shown["pictures"][0]["address"].startswith("data:image/png;base64,")
    assert "Eights" in shown["notes"]


def test_the_runs_are_in_the_workspace(world):
    detail = show_run(world, "baseline")
    assert detail.run.tags["reviewed"] == "yes"
    assert {"figures/confusion.png", "logs/stdout.txt", "source/session.ipynb"} <= {
        one.path for one in detail.artifacts
    }
    folds = world.tracking.run("folds")
    children = [run.name for run in world.tracking.runs(limit=20) if run.parent == folds.id]
    assert sorted(children) == ["fold-0", "fold-1", "fold-2"]


def test_lists_comparisons_and_differences_name_them(executed):
    cells, _ = executed
    assert re.search(r"baseline[\s\S]*FINISHED", text(cells["where"]))
    assert "shifted" in text(cells["compare"])
    assert "shift.py" in text(cells["diff"])
    assert "right" in text(cells["logs"])


def test_it_is_committed_without_outputs_and_without_a_path_of_any_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert not re.search(r"/(home|work|tmp|Users|root)/", NOTEBOOK.read_text("utf-8"))
