"""The quickstart, for real: the notebook is executed, and what it prints works as pasted."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from jupyter_mlops.cli.quickstart import NOTEBOOK, SERVICE, find_notebook

MLOPS = [sys.executable, "-c", "from jupyter_mlops.cli import main; main()"]

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Tour:
    home: Path
    """Where it was begun; the quickstart's own folder is below."""
    out: str
    err: str

    def block(self, title: str) -> str:
        """Return the commands printed under a title."""
        return self.out.partition(f"{title}\n")[2].partition("\n\n")[0]

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run what was printed, as a person would who pastes it."""
        return subprocess.run(["bash", "-c", command], cwd=self.home, capture_output=True, text=True, check=False)

    def mlops(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = [*MLOPS, "--workspace", "mlops-quickstart", *args]
        return subprocess.run(command, cwd=self.home, capture_output=True, text=True, check=False)

    @property
    def url(self) -> str:
        return next(line.split()[1] for line in self.out.splitlines() if line.startswith("url "))


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def tour(tmp_path_factory, request):
    home = tmp_path_factory.mktemp("person")
    options = [] if request.param == "process" else ["--host", request.param]
    try:
        done = subprocess.run([*MLOPS, "quickstart", *options], cwd=home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        yield Tour(home=home, out=done.stdout, err=done.stderr)
    finally:
        left = Tour(home=home, out="", err="")
        images = json.loads(left.mlops("images", "list", "--json").stdout or '{"items": []}')["items"]
        left.mlops("services", "delete", SERVICE)
        left.mlops("agent", "stop")
        for image in images:
            subprocess.run(["docker", "image", "rm", "--force", image["image_id"]], capture_output=True, check=False)


def test_each_cell_is_a_line_of_progress(tour):
    cells = nbformat.read(find_notebook(), as_version=4).cells
    n_code = sum(cell.cell_type == "code" for cell in cells)
    lines = [line for line in tour.err.splitlines() if line.startswith("[")]
    assert [line.partition("]")[0] for line in lines] == [f"[{n}/{n_code}" for n in range(1, n_code + 1)]
    assert any("Train, in a tracked run" in line and line.endswith(" s") for line in lines)


def test_it_serves_from_where_it_was_told_to(tour, request):
    [service] = json.loads(tour.mlops("services", "list", "--json").stdout)["items"]
    assert service["host"] == request.node.callspec.params["tour"]
    assert service["state"] == "ready"
    assert f"{service['url']}/score" == tour.url


def test_it_says_which_run_and_which_model(tour):
    shown = tour.mlops("runs", "list", "-e", "quickstart", "--json")
    [run] = json.loads(shown.stdout)["items"]
    assert f"run      {run['id']}" in tour.out
    assert "model    breast-cancer:1" in tour.out
    assert run["metrics"]["auc"] > 0.95
    assert run["params"]["C"] == "1.0"
    assert run["tags"]["mlops.notebook"] == str(tour.home / "mlops-quickstart" / NOTEBOOK)


def test_the_service_answers_with_the_key_and_refuses_without(tour):
    key = tour.mlops("services", "keys", SERVICE, "--primary").stdout.strip()
    body = (tour.home / "mlops-quickstart" / "rows.json").read_bytes()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(tour.url, body, {**headers, "Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        predictions = json.load(answer)["predictions"]
    assert len(predictions) == 2
    assert set(predictions) <= {"benign", "malignant"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(tour.url, body, headers), timeout=30)
    assert refused.value.code == 401
    refused.value.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on the PATH")
def test_the_curl_command_works_as_pasted(tour):
    done = tour.shell(f"{tour.block('Call it')} -s")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == "breast-cancer:1"


def test_the_executed_notebook_has_the_answers_and_neither_errors_nor_warnings(tour):
    assert tour.block("Open it in JupyterLab").endswith("lab quickstart.ipynb")
    cells = nbformat.read(tour.home / "mlops-quickstart" / NOTEBOOK, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    (scored,) = (cell for cell in cells if cell.cell_type == "code" and "%ml score" in cell.source)
    assert len(re.findall(r"(benign|malignant)$", scored.outputs[-1].data["text/plain"], re.MULTILINE)) == 5


def test_what_cleans_up_leaves_nothing_running(tour):
    done = tour.shell(f"set -e\n{tour.block('Clean up')}")
    assert done.returncode == 0, done.stderr
    assert "Deleted service breast-cancer." in done.stdout
    assert "Stopped the agent." in done.stdout
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(tour.url, timeout=5)


def test_the_notebook_is_committed_without_outputs():
    notebook = nbformat.read(find_notebook(), as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_a_file_in_the_way_and_another_workspace_are_refused_by_name(tmp_path):
    (tmp_path / "taken").write_text("")
    for args, named in (
        (["quickstart", "--dir", "taken"], "taken"),
        (["--workspace", ".", "quickstart"], "workspace of its own"),
        (["quickstart", "--host", "moon"], "moon"),
    ):
        done = subprocess.run([*MLOPS, *args], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert named in done.stderr.splitlines()[0]
        assert not (tmp_path / "mlops-quickstart").exists()
