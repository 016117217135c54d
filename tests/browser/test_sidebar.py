"""The sidebar in a real JupyterLab: it names the workspace and shows what happens, wherever it happens, without a reload."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

TAB = "Experiments, models and services"
CELL = """%%ml run -e kernel-runs --no-snapshot
import jupyter_mlops as ml
ml.log({"acc": 0.9712})
"""
# Another process, as a script in a terminal is one: plain MLflow, which knows nothing of Lab.
PLAIN_MLFLOW = """
import sys, mlflow
client = mlflow.MlflowClient(tracking_uri=sys.argv[1])
experiment = client.create_experiment("plain")
for n in range(5):
    sys.stdin.readline()
    run = client.create_run(experiment, run_name=f"plain-{n}")
    print(run.info.start_time, flush=True)
    client.log_metric(run.info.run_id, "loss", n)
    client.set_terminated(run.info.run_id)
"""
# Writes down when each row of the panel is drawn, to the millisecond.
WATCH = """
window.drawn = {};
new MutationObserver(() => {
  for (const row of document.querySelectorAll('.jp-Mlops-row.jp-mod-run .jp-Mlops-name')) {
    window.drawn[row.textContent] ??= Date.now();
  }
}).observe(document.querySelector('.jp-Mlops'), {childList: true, subtree: true, characterData: true});
"""


@pytest.fixture(scope="module")
def lab(start_lab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("place") / "churn"
    folder.mkdir()
    nbformat.write(
        new_notebook(
            cells=[new_code_cell("%load_ext jupyter_mlops"), new_code_cell(CELL)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        ),
        folder / "work.ipynb",
    )
    return start_lab(folder)


@pytest.fixture(scope="module")
def page(lab: Any, open_lab: Callable[..., Any]) -> Any:
    """One page for all tests: none of them reloads it."""
    page = open_lab(lab, "lab/tree/work.ipynb")
    page.get_by_role("tab", name=TAB).click()
    page.locator(".jp-Mlops").wait_for()
    return page


@pytest.fixture(scope="module")
def world(lab: Any, page: Any) -> Iterator[Workspace]:
    """The workspace of the server's folder, made here if no test was before."""
    world = Workspace.open(lab.folder, create=True)
    page.get_by_role("heading", name="churn").wait_for()
    yield world
    world.close()


def row(page: Any, pattern: str) -> Any:
    return page.get_by_role("treeitem", name=re.compile(pattern))


def test_a_run_in_a_kernel_appears_by_itself_even_where_nothing_was_before(lab: Any, page: Any) -> None:
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Control+Enter")
    page.locator(".jp-Notebook .jp-Cell").nth(1).click()
    page.keyboard.press("Control+Enter")
    # The kernel makes the workspace; the panel names it, and shows the run.
    page.get_by_role("heading", name="churn").wait_for(timeout=60_000)
    assert page.locator(".jp-Mlops-home").inner_text() == str(lab.folder)
    row(page, r"^Experiment kernel-runs, 1 run").wait_for()
    row(page, r"^Run .+, finished, acc 0\.9712").wait_for()
    assert lab.get("mlops/api/runs")["items"][0]["metrics"] == {"acc": 0.9712}


def test_runs_of_another_process_appear_within_a_second(world: Workspace, page: Any) -> None:
    page.evaluate(WATCH)
    uri = world.tracking.uri
    with subprocess.Popen(
        [sys.executable, "-c", PLAIN_MLFLOW, uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        waits_s = []
        for n in range(5):
            script.stdin.write("\n")
            script.stdin.flush()
            began_ms = int(script.stdout.readline())
            row(page, rf"^Run plain-{n}, finished, loss {n}").wait_for()
            waits_s.append((page.evaluate(f"window.drawn['plain-{n}']") - began_ms) / 1000)
    assert statistics.median(waits_s) < 1, waits_s
