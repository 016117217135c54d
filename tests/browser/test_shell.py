"""What the lab's own shell has of ours: launcher, palette, menus, toolbar, status bar, notifications, settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from churn import SCORE
from labs import THEMES
from msgspec.structs import replace
from nbformat.v4 import new_code_cell, new_notebook
from pages import cancel_dialog, confirm, eventually, fill, form, press_of, told

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.agentlock import hold
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.training.runs import list_runs
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SCRIPT = """
import argparse
import jupyter_mlops as ml
parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float, default=0.5)
parser.add_argument("--depth", type=int)
ml.log({"acc": parser.parse_args().C})
"""


@pytest.fixture(scope="module")
def lab(start_lab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("place") / "churn"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT, "utf-8")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_code_cell("x = 1"), new_code_cell("%%time\ny = 2")]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "work.ipynb")
    return start_lab(folder, theme=THEMES[1])


@pytest.fixture(scope="module")
def world(lab: Any, end_agents: Callable[[Workspace], None]) -> Iterator[Workspace]:
    world = Workspace.open(lab.folder, create=True)
    old = world.tracking.create_run("forest", "before-the-page", tags={}, params={})
    world.tracking.end_run(old.id, "FAILED")
    yield world
    end_agents(world)
    world.close()


@pytest.fixture(scope="module")
def page(lab: Any, world: Workspace, open_lab: Callable[..., Any]) -> Any:
    assert world.root.is_dir()  # it is there before the page looks for it
    page = open_lab(lab)
    page.set_default_timeout(20_000)
    return page


def launch(page: Any, card: str) -> Any:
    """Click a card of the launcher; return its form."""
    page.get_by_role("tab", name="Launcher").click()
    page.locator(".jp-LauncherCard", has_text=card).click()
    return form(page)


def test_what_the_launchers_forms_send_holds_in_the_workspace(
    lab: Any, world: Workspace, page: Any, tmp_path: Path
) -> None:
    (lab.folder / "weights.bin").write_bytes(b"weights")
    (tmp_path / "score.py").write_text(SCORE, "utf-8")
    launch(page, "Run as Experiment")
    page.keyboard.press("Escape")
    page.locator(".jp-Mlops-dialog").wait_for(state="detached")
    with hold(world.root) as holder:  # so that what is asked of the agent stays to be seen
        assert holder
        shown = launch(page, "Register as Model")
        shown.get_by_label("From").select_option("file")
        fill(shown, File_or_folder="weights.bin", Model="churn")
        confirm(page, "Register")
        eventually(lambda: [one.name for one in world.tracking.models()] == ["churn"])
        manifest = create_manifest(world, ["churn"], script=tmp_path / "score.py")
        shown = launch(page, "Deploy a Model")
        page.wait_for_function("document.activeElement.name === 'model'")
        fill(shown, Model="churn", Service="churn-eu", Manifest=manifest.ref)
        page.screenshot(path=tmp_path / "deploy.png")
        confirm(page, "Deploy")
        eventually(lambda: world.catalog.find(Activity))
        (asked,) = world.catalog.find(Activity)
        assert (asked.verb, asked.args["service"], asked.args["manifest"]) == (
            "services.deploy", "churn-eu", manifest.ref,
        )  # fmt: skip
        shown = launch(page, "Update a Service")
        fill(shown, Service="churn-us", Model="churn")
        page.locator(".jp-Dialog").get_by_role("button", name="Update", exact=True).click()
        shown.get_by_role("alert").get_by_text("churn-us").wait_for()
        cancel_dialog(page, "Update a Service")
        item = page.get_by_role("button", name="Running: 1 activity. Show them in the sidebar.")
        item.click()
        page.get_by_role("treeitem", name=re.compile("^deploy service churn-eu")).wait_for()
        world.catalog.edit(Activity, asked.name, lambda one: replace(one, state="cancelled"))
        item.wait_for(state="hidden")
    fill(launch(page, "Run as Experiment"), Script_or_notebook="train.py", Name_of_the_run="from-launcher")
    confirm(page, "Run")
    told(page, "Run from-launcher finished.")
    assert world.tracking.run("from-launcher").status == "FINISHED"


def test_what_runs_elsewhere_is_in_the_status_bar_and_told_of_when_it_ended(
    world: Workspace, page: Any, tmp_path: Path
) -> None:
    run = world.tracking.create_run("forest", "far-away", tags={}, params={})
    item = page.get_by_role("button", name="Running: 1 run. Show them in the sidebar.")
    item.wait_for()
    assert item.get_attribute("title") == "far-away"
    page.screenshot(path=tmp_path / "status.png")
    item.click()
    page.get_by_role("region", name="MLOps: experiments, models and services").wait_for()
    world.tracking.end_run(run.id, "FAILED", reason="ValueError: no such column")
    notice = told(page, "Run far-away failed. ValueError: no such column")
    item.wait_for(state="hidden")
    assert page.locator(".Toastify__toast", has_text="before-the-page").count() == 0
    press_of(notice, "Open Run")
    page.get_by_role("heading", name=run.name, level=1).last.wait_for()


def test_a_script_of_the_file_browser_runs_with_its_own_parameters(world: Workspace, page: Any, tmp_path: Path) -> None:
    page.get_by_role("tab", name=re.compile("^File Browser")).click()
    page.locator(".jp-DirListing-item", has_text="train.py").click(button="right")
    page.get_by_role("menuitem", name="Run as Experiment…").click()
    shown = page.locator(".jp-Mlops-dialog")
    shown.get_by_role("textbox", name="Value of depth").wait_for()  # as the script declares it, without a default
    assert shown.get_by_role("textbox", name="Value of C").input_value() == "0.5"
    shown.get_by_role("textbox", name="Value of C").fill("0.25")
    shown.get_by_role("combobox", name="Experiment").fill("forest")
    shown.get_by_role("textbox", name="Name of the run").fill("by-mouse")
    page.screenshot(path=tmp_path / "run.png")
    shown.get_by_role("button", name="Run", exact=True).click()
    told(page, "Run by-mouse finished.").get_by_role("button", name="Open Run").wait_for()
    run = world.tracking.run("by-mouse")
    assert (run.status, run.params, run.metrics["acc"]) == ("FINISHED", {"C": "0.25"}, 0.25)
    assert page.locator(".Toastify__toast", has_text="by-mouse finished").count() == 1


def test_a_cell_is_tracked_and_not_any_more(page: Any, tmp_path: Path) -> None:
    page.locator(".jp-DirListing-item", has_text="work.ipynb").dblclick()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    text = lambda: page.locator(".jp-Notebook .jp-CodeCell .cm-content").all_inner_texts()  # noqa: E731  # it is short

    def track(cell: int) -> None:
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(cell).click(button="right")
        page.locator(".lm-Menu-item", has_text="Track This Cell").click()  # a check box once it is tracked

    track(0)
    eventually(lambda: text() == ["%load_ext jupyter_mlops", "%%ml run\nx = 1", "%%time\ny = 2"])
    page.locator(".jp-Notebook .jp-CodeCell").first.get_by_text("[1]:").wait_for()  # the kernel knows the magic
    page.screenshot(path=tmp_path / "tracked.png")
    track(1)
    eventually(lambda: text()[1] == "x = 1")
    track(2)
    told(page, "The cell begins with %%time already")
    assert text()[2] == "%%time\ny = 2"


def test_the_notebook_in_front_runs_as_an_experiment_saved_first(lab: Any, world: Workspace, page: Any) -> None:
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Control+End")
    page.keyboard.type("1")
    page.locator(".jp-NotebookPanel-toolbar").get_by_role("button", name=re.compile("run it as a tracked run")).click()
    of_notebook = lambda: [one for one in list_runs(world) if one.tags.get("mlops.file") == "work.ipynb"]  # noqa: E731  # it is short
    eventually(of_notebook)
    (run,) = of_notebook()
    assert nbformat.read(lab.folder / "work.ipynb", as_version=4).cells[1].source == "x = 11"
    told(page, f"Run {run.name} finished.")
    page.get_by_role("heading", name=run.name, level=1).last.wait_for()


def test_what_the_run_menu_of_lab_does_to_a_cell_and_a_notebook_is_the_same(page: Any) -> None:
    page.get_by_role("tab", name=re.compile("work.ipynb")).click()
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(1).click()
    text = lambda: page.locator(".jp-Notebook .jp-CodeCell .cm-content").all_inner_texts()[1]  # noqa: E731  # it is short
    for after in ("%%ml run\nx = 11", "x = 11"):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu-itemLabel:text-is('Track This Cell'):visible").click()
        eventually(lambda after=after: text() == after)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    assert page.locator(".lm-Menu-item:not(.lm-mod-disabled)", has_text="Run Notebook as Experiment").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")


def test_settings_are_in_labs_own_editor_and_hold_at_once(world: Workspace, page: Any, tmp_path: Path) -> None:
    page.keyboard.press("Control+,")
    page.get_by_placeholder("Search settings…").last.fill("MLOps")
    page.get_by_text("Ask before deleting runs").wait_for()
    page.screenshot(path=tmp_path / "settings.png")
    run = world.tracking.create_run("hushed", "quiet", tags={}, params={})
    item = page.get_by_role("button", name="Running: 1 run. Show them in the sidebar.")
    item.wait_for()
    page.get_by_label("Show in the status bar what is running").uncheck()
    item.wait_for(state="hidden")
    page.get_by_label("Show in the status bar what is running").check()
    item.wait_for()
    # Lab keeps settings on the server, a moment later, and tells of them then.
    with page.expect_response(lambda answer: answer.request.method == "PUT" and is_quiet(answer.request.post_data)):
        page.get_by_label("Ask before deleting runs").uncheck()
        page.locator(".jp-SettingsPanel select:visible").select_option(label="None")
    item.click()
    row = page.get_by_role("treeitem", name=re.compile("^Run quiet, running"))
    row.wait_for()
    world.tracking.end_run(run.id, "FAILED", reason="ValueError: nobody is told")
    row = page.get_by_role("treeitem", name=re.compile("^Run quiet, failed"))
    row.click(button="right")
    page.locator(".lm-Menu-itemLabel:text-is('Delete…'):visible").click()
    told(page, "1 run is in the trash.")  # nobody was asked
    assert world.tracking.deleted_run(run.id).deleted
    assert page.locator(".Toastify__toast", has_text="nobody is told").count() == 0


def is_quiet(sent: str | None) -> bool:
    return sent is not None and '"none' in sent.replace("\\", "") and "confirmDeletes" in sent


def test_who_may_only_look_is_told_so_and_finds_verbs_greyed(lab: Any, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.route(
        re.compile(r"/api/me\?permissions="), lambda route: route.fulfill(json={"permissions": {"mlops": ["read"]}})
    )
    page.goto(f"{lab.url}lab/workspaces/look?token=a-token-for-tests")
    page.locator(".jp-LauncherCard", has_text="Deploy a Model").wait_for(timeout=60_000)
    grey = page.locator(".lm-CommandPalette-item.lm-mod-disabled", has_text="Deploy a Model")
    eventually(lambda: opened(page) and grey.count() == 1)
    assert page.locator(".lm-CommandPalette-item:not(.lm-mod-disabled)", has_text="Compare Runs").count() == 1
    context.close()


def opened(page: Any) -> bool:
    """Open the palette, unless it is, and look for our verbs in it."""
    palette = page.locator(".lm-CommandPalette-input")
    if not palette.is_visible():
        page.keyboard.press("Control+Shift+C")
        return False
    palette.fill("MLOps")
    return True


def test_a_shortcut_runs_the_notebook_in_front(world: Workspace, page: Any) -> None:
    page.get_by_role("tab", name=re.compile("work.ipynb")).click()
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Alt+r")
    eventually(lambda: sum(one.tags.get("mlops.file") == "work.ipynb" for one in list_runs(world)) == 2)
