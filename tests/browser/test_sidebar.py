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
from labs import THEMES
from msgspec.structs import replace
from nbformat.v4 import new_code_cell, new_notebook
from pages import TAB, copied, eventually, row, use_theme

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Runs until the test makes a file, so that the panel can be looked at meanwhile.
CELL = """%%ml run -e kernel-runs --no-snapshot
import pathlib, time
import jupyter_mlops as ml
ml.log({"acc": 0.5})
while not pathlib.Path("go").exists():
    time.sleep(0.05)
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
# What the browser's console has an error about.
REFUSED = """performance.getEntriesByType('resource')
  .filter(one => one.responseStatus >= 400 && one.name.includes('/mlops/')).map(one => one.name)"""
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
    page = open_lab(lab, "lab/tree/work.ipynb?mlops=model%3Achurn")
    page.get_by_role("tab", name=TAB).click()
    page.locator(".jp-Mlops").first.wait_for()
    return page


@pytest.fixture(scope="module")
def world(lab: Any, page: Any) -> Iterator[Workspace]:
    """The workspace of the server's folder, made here if no test was before."""
    world = Workspace.open(lab.folder, create=True)
    page.get_by_role("heading", name="churn").wait_for()
    yield world
    world.close()


def test_a_run_in_a_kernel_shows_as_it_starts_logs_and_ends_even_where_nothing_was_before(lab: Any, page: Any) -> None:
    page.evaluate("window.sameAsEver = true")
    page.get_by_role("tab", name="work.ipynb").click()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)  # it comes to the front as it opens
    page.get_by_role("tab", name="churn", exact=True).click()
    for part in (".jp-Mlops-tab", ".jp-Mlops-main.jp-mod-model"):
        page.locator(part).get_by_text("No workspace yet.").wait_for()
        assert "%%ml run" in page.locator(part).locator("code").all_inner_texts()
    assert page.evaluate(REFUSED) == []
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Control+Enter")
    page.locator(".jp-Notebook .jp-Cell").nth(1).click()
    page.keyboard.press("Control+Enter")
    # The kernel makes the workspace; the panel names it.
    page.get_by_role("heading", name="churn").wait_for(timeout=60_000)
    assert page.locator(".jp-Mlops-home").inner_text() == str(lab.folder)
    row(page, r"^Experiment kernel-runs, 1 run, 1 running").wait_for()
    row(page, r"^Run .+, running, acc 0\.5").wait_for()
    (lab.folder / "go").touch()
    row(page, r"^Run .+, finished, acc 0\.9712").wait_for()
    assert lab.get("mlops/api/runs")["items"][0]["metrics"]["acc"] == 0.9712
    assert page.evaluate("window.sameAsEver"), "the page was loaded again"


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


def test_models_services_and_activities_appear_and_change(world: Workspace, page: Any, tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")
    row(page, "^No models yet").click()  # what to type is copied
    eventually(lambda: copied(page) == "%ml models register RUN NAME")
    version = register_model(world, str(weights), "churn")
    row(page, r"^Model churn, 1 version").click()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    row(page, f"^run {version.run_id[:4]}").click()  # a fact that is a thing itself opens it
    page.get_by_role("heading", name="churn", level=1).wait_for()

    world.catalog.add(
        Activity(
            name="0123456789abcdef", verb="services.deploy", subject="service churn-eu", state="running", progress=0.4
        )
    )
    row(page, r"^deploy service churn-eu, running, 40 percent").wait_for()
    assert page.get_by_role("progressbar", name="deploy service churn-eu").get_attribute("aria-valuenow") == "40"

    script = tmp_path / "score.py"
    script.write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n", "utf-8")
    manifest = create_manifest(world, ["churn"], script=script)
    deployment = Deployment(name="m1", manifest=f"{manifest.name}:{manifest.version}")
    world.catalog.add(Service(name="churn-eu", host="process", deployments=[deployment], port=49152))
    row(page, r"^Service churn-eu, starting").wait_for()
    world.catalog.edit(Service, "churn-eu", lambda service: replace(service, state="ready", n_ready=1))
    row(page, r"^Service churn-eu, ready, serves churn:1, http:\/\/127\.0\.0\.1:49152").wait_for()
    page.get_by_role("button", name="Copy the URL of churn-eu").click()
    assert page.evaluate("navigator.clipboard.readText()") == "http://127.0.0.1:49152"


def test_the_sidebar_is_walked_with_the_keyboard_alone(world: Workspace, page: Any) -> None:
    many = {f"p{n:02}": "1" for n in range(20)}
    world.tracking.create_run("by-keyboard", "with-many", tags={}, params=many)
    row(page, "^Run with-many, running").click()
    page.keyboard.press("ArrowRight")
    row(page, "more parameters").click()
    page.get_by_role("heading", name="with-many", level=1).wait_for()
    world.tracking.create_run("by-keyboard", "first-of-all", tags={}, params={"C": "0.5"})
    row(page, "^Run first-of-all, running").wait_for()
    page.get_by_role("combobox", name="Filter").click()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Choose the metrics beside runs"
    page.keyboard.press("Tab")
    for key in ("Home", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "C 0.5"
    page.keyboard.press("Enter")
    assert page.evaluate("navigator.clipboard.readText()") == "0.5"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert row(page, "^Run first-of-all").get_attribute("aria-expanded") == "false"


def test_child_runs_are_folded_below_their_parents(world: Workspace, page: Any) -> None:
    parent = world.tracking.create_run("by-keyboard", "sweep", tags={}, params={})
    for name in ("trial-1", "trial-2"):
        world.tracking.create_run("by-keyboard", name, tags={}, params={}, parent=parent.id)
    shown = row(page, "^Run sweep, running, 2 child runs$")
    shown.wait_for()
    assert row(page, "^Run trial-").count() == 0
    shown.click()
    page.keyboard.press("ArrowRight")
    row(page, "^Run trial-2").wait_for()
    assert row(page, "^Run trial-1").get_attribute("aria-level") == "5"
    world.tracking.create_run("by-keyboard", "trial-3", tags={}, params={}, parent=parent.id)
    row(page, "^Run trial-3").wait_for()
    row(page, "^Run sweep, running, 3 child runs$").locator(".jp-Mlops-twisty").click()
    row(page, "^Run trial-3").wait_for(state="detached")


def test_a_double_click_and_enter_open_what_a_row_is_about(world: Workspace, page: Any) -> None:
    run = world.tracking.create_run("opening", "to-open", tags={}, params={})
    world.tracking.end_run(run.id, "FINISHED")
    row(page, "^Run to-open").dblclick()
    page.locator(".jp-Mlops-main.jp-mod-run:visible").get_by_text("to-open").first.wait_for()
    tabs = page.locator(".jp-Mlops-main.jp-mod-run:visible").get_by_role("tablist", name="Parts of the run")
    tabs.get_by_role("tab", selected=True).focus()
    names = tabs.get_by_role("tab").all_inner_texts()
    for key, name in (("End", names[-1]), ("ArrowRight", names[0]), ("ArrowLeft", names[-1]), ("Home", names[0])):
        page.keyboard.press(key)
        tabs.get_by_role("tab", name=name, exact=True, selected=True).wait_for()
    row(page, "^Experiment opening").click()
    assert row(page, "^Experiment opening").get_attribute("aria-expanded") == "true"
    page.keyboard.press("Enter")
    page.locator(".jp-Mlops-main.jp-mod-experiment:visible").wait_for()
    page.get_by_role("treeitem", name="Experiments", exact=True).hover()
    page.get_by_role("button", name="Table of all runs").click()
    page.wait_for_function("document.querySelectorAll('.jp-Mlops-main.jp-mod-experiment').length === 2")


def test_an_activity_is_cancelled_by_its_button(world: Workspace, page: Any) -> None:
    world.catalog.add(Activity(name="fedcba9876543210", verb="images.build", subject="image c:1", state="running"))
    row(page, "^build image c:1, running").hover()
    page.get_by_role("button", name="Cancel build image c:1").click()
    row(page, "^build image c:1, cancelling").wait_for()
    assert world.catalog.get(Activity, "fedcba9876543210").cancel_asked


def test_runs_are_filtered_on_the_server_with_names_that_complete_themselves(world: Workspace, page: Any) -> None:
    for n in range(3):
        run = world.tracking.create_run("filtered", f"tuned-{n}", tags={}, params={"the depth": str(n)})
        world.tracking.log(
            run.id, metrics=[MetricPoint(key="f1", value=n / 10, step=step, at_ms=step) for step in (0, 1)]
        )
        world.tracking.end_run(run.id, "FINISHED")
    box = page.locator("#jp-left-stack").get_by_role("combobox", name="Filter")
    box.press_sequentially("dept")
    page.get_by_role("option", name=re.compile("the depth")).wait_for()
    for key in ("ArrowDown", "Enter"):
        page.keyboard.press(key)
    box.press_sequentially("= 1 and metrics.f1 >")
    page.keyboard.press("Escape")  # the completions
    page.get_by_text(re.compile("^The filter cannot be read at column")).wait_for()
    box.press_sequentially(" 0")
    row(page, "^Experiment filtered, 1 run$").wait_for()
    row(page, "^Run tuned-1").wait_for()
    assert row(page, "^Run tuned-").count() == 1
    box.fill("TUNED-2")
    row(page, "^Run tuned-2").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    row(page, "^Run tuned-0").wait_for()


def test_the_metrics_beside_runs_are_chosen_and_kept(world: Workspace, page: Any) -> None:
    run = world.tracking.create_run("chosen", "with-curve", tags={}, params={})
    points = [
        MetricPoint(key=key, value=step, step=step, at_ms=step) for key in ("zz", "aa", "bb", "cc") for step in (0, 1)
    ]
    world.tracking.log(run.id, metrics=points)
    world.tracking.end_run(run.id, "FINISHED")
    row(page, "^Run with-curve, finished, aa 1, bb 1, cc 1$").wait_for()
    page.get_by_role("button", name="Choose the metrics beside runs").click()
    page.keyboard.type("aa")
    page.get_by_role("checkbox", name="aa", exact=True).click()
    page.get_by_role("searchbox", name="Find a metric").fill("zz")
    # Lab keeps its state on the server, a moment later.
    with page.expect_response(lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT"):
        page.get_by_role("checkbox", name="zz", exact=True).click()
    page.keyboard.press("Escape")
    row(page, "^Run with-curve, finished, bb 1, cc 1, zz 1$|^Run with-curve, finished, .*zz 1").wait_for()
    curve = page.locator(f".jp-Mlops-sparkline[data-run='{run.id}']")
    curve.wait_for()
    page.get_by_role("button", name="Choose the metrics beside runs").click()
    page.get_by_label("Curve of").select_option(label="none")
    curve.wait_for(state="detached")
    page.get_by_role("button", name="Automatic").click()
    curve.wait_for()
    page.get_by_role("button", name="Done").click()
    row(page, "^Run with-curve, finished, aa 1, bb 1, cc 1$").wait_for()


@pytest.mark.usefixtures("world")
def test_folds_are_remembered_when_lab_is_opened_again(lab: Any, page: Any, open_lab: Any) -> None:
    # Lab keeps its state on the server, a moment later.
    with page.expect_response(lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT"):
        row(page, "^Models$").click()
    assert row(page, "^Models$").get_attribute("aria-expanded") == "false"
    again = open_lab(lab, "lab")
    # Lab opens the tab again that was open; so nobody clicks it here.
    row(again, "^Experiments$").wait_for()
    assert row(again, "^Models$").get_attribute("aria-expanded") == "false"
    again.context.close()


@pytest.mark.parametrize("theme", THEMES[::-1])
def test_every_text_can_be_read_in_every_theme(
    theme: str, world: Workspace, page: Any, tmp_path: Path, labs: Any
) -> None:
    name = f"failed-in-{theme[-5:].strip().lower()}"
    failed = world.tracking.create_run("themes", name, tags={}, params={})
    world.tracking.end_run(failed.id, "FAILED", reason="ValueError: no rows")
    row(page, f"^Run {name}, failed").click()  # selects it
    page.keyboard.press("ArrowRight")
    row(page, "^reason ValueError: no rows").first.wait_for()
    use_theme(page, theme)
    page.mouse.move(700, 500)
    size = "px => document.documentElement.style.setProperty('--jp-ui-font-size1', px)"
    page.evaluate(size, "26px")  # as Lab's own setting of its font size does
    page.wait_for_function("document.querySelector('.jp-Mlops-row.jp-mod-experiment').offsetHeight === 48")
    page.evaluate(size, "13px")
    page.wait_for_function("document.querySelector('.jp-Mlops-row.jp-mod-experiment').offsetHeight === 24")
    contrasts = page.evaluate(labs.CONTRASTS, ".jp-Mlops")
    page.screenshot(path=tmp_path / f"{name}.png")
    assert len(contrasts) > 10
    assert not {text: ratio for text, ratio in contrasts.items() if ratio < 4}
