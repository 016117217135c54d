"""The serving notebook, executed: a service that is deployed, split, looked at and updated while clients call it."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path

import nbformat
import papermill
import pytest

import jupyter_mlops as ml
from jupyter_mlops.activities import wait_activity
from jupyter_mlops.agent.control import stop_agent
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.consuming import BULK, Health
from jupyter_mlops.delivery.services import delete_service, list_services
from jupyter_mlops.training.notebook import this_interpreter
from jupyter_mlops.workspace import Workspace

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "serving.ipynb"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executed(tmp_path_factory, open_workspace):
    """The notebook's cells, executed in a kernel, and their folder, whose service is deleted after the tests."""
    folder = tmp_path_factory.mktemp("serving")
    open_workspace(folder).close()
    notebook = shutil.copy(NOTEBOOK, folder)
    try:
        papermill.execute_notebook(
            str(notebook),
            str(folder / "out.ipynb"),
            cwd=str(folder),
            kernel_name="python3",
            progress_bar=False,
            kernel_manager_class=this_interpreter(),
        )
        yield {cell.id: cell for cell in nbformat.read(folder / "out.ipynb", as_version=4).cells}, folder
    finally:
        with closing(Workspace.open(folder)) as world:
            for service in list_services(world):
                wait_activity(world, delete_service(world, service.name).name, timeout_s=60)
            stop_agent(world)


def text(executed, name: str) -> str:
    outputs = executed[0][name].outputs
    return "\n".join(output.get("text", "") or output.data["text/plain"] for output in outputs)


def test_no_cell_fails_or_warns(executed):
    outputs = [output for cell in executed[0].values() for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def test_answers_are_right_and_what_does_not_fit_is_named(executed):
    right = re.search(r"(\d+)% of 89 are right", text(executed, "score"))
    assert int(right[1]) > 80
    assert "class_0" in text(executed, "score")
    assert "no column 'heu'; did you mean 'hue'?" in text(executed, "refused")
    assert "100 answers, for example class_" in text(executed, "many")


def test_the_program_has_the_services_address(executed):
    with closing(Workspace.open(executed[1])) as world:
        assert f'"{world.catalog.get(Service, "wine").url}/score"' in text(executed, "client")


def test_the_second_deployment_takes_what_it_is_given(executed):
    assert re.search(r"green +wine:2 +1 +0%", text(executed, "green"))
    assert int(re.search(r"(\d+)% of 89 are right", text(executed, "direct"))[1]) > 90
    assert re.search(r"green +wine:2 +1 +50%", text(executed, "traffic"))
    requests = {
        name: int(n) for name, n in re.findall(r"^(blue|green)\S* .* (\d+)$", text(executed, "telemetry"), re.MULTILINE)
    }
    assert requests["blue"] + requests["green"] == 89 + 100 + 89 + 89
    assert requests["blue"] > 189
    assert requests["green"] > 89


def test_the_update_lost_no_request(executed):
    assert "0 requests failed" in text(executed, "update")
    assert re.search(r"blue +wine:2 +1 +100%", text(executed, "show"))
    assert "green" not in text(executed, "show").partition("Changes")[0]


def test_it_goes_on_answering_and_what_it_answered_is_kept(executed, monkeypatch):
    monkeypatch.chdir(executed[1])
    asked = ml.telemetry("wine", rows=True)
    asked = asked[asked["version"].astype(str) == "2"]
    rows = asked[["input.alcohol", "input.hue", "input.proline"]].rename(columns=lambda name: name[6:])
    assert len(rows) > 100
    wine = ml.Service("wine")
    assert list(wine.score(rows)) == list(asked["prediction"])
    many = rows.sample(BULK // 3 + 1, replace=True, random_state=1)
    assert list(wine.score(many)) == list(wine.score(many.to_numpy())) == list(wine.score(many[:1000])) + list(wine.score(many[1000:]))  # fmt: skip


def test_it_says_how_it_is(executed, monkeypatch):
    monkeypatch.chdir(executed[1])
    wine = ml.Service("wine")
    assert wine.health() == Health(ready=True, status="ready")
    assert wine.metrics()["mlops_ready"] == 1
    green = ml.Service("wine", deployment="green")
    with pytest.raises(MlopsError) as caught:  # it was removed
        green.score([[13.0, 1.0, 800.0]])
    assert "green" in caught.value.message


def test_it_is_committed_without_outputs_and_without_a_path_of_any_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert not re.search(r"/(home|work|tmp|Users|root)/", NOTEBOOK.read_text("utf-8"))
