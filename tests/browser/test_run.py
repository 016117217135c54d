"""A run in the main area of a real JupyterLab: each tab and each button, from the click to what it does."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from forest import EVIL, NAME, NOTEBOOK, Place, seeded
from labs import THEMES
from pages import confirm, drag, eventually, faint, use_theme
from runpage import asked, close_tab, press, show

from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.delivery.models import show_model

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with seeded(tmp_path_factory.mktemp("place") / "churn") as made:
        yield made


@pytest.fixture(scope="module")
def page(start_lab: Callable[..., Any], open_lab: Callable[..., Any], place: Place) -> Any:
    page = open_lab(start_lab(place.folder), f"lab?mlops=run:{place.first.id}", width=1400, height=900)
    page.get_by_role("tablist", name="Parts of the run").wait_for()
    page.set_default_timeout(15_000)
    return page


def test_the_overview_says_what_it_was_and_keeps_a_note(page: Any, place: Place) -> None:
    panel = show(page, "Overview")
    panel.get_by_text("ValueError: too hot").wait_for()
    assert panel.get_by_role("row", name="auc").inner_text().split()[:2] == ["auc", "0.97"]
    panel.get_by_role("button", name="Add a note").click()
    panel.get_by_label("Note in Markdown").fill(f"# Why\n\nThe **first** try.{EVIL}")
    panel.get_by_role("button", name="Save").click()
    panel.locator("strong", has_text="first").wait_for()
    kept = lambda: place.workspace.tracking.run(place.first.id).tags["mlflow.note.content"]  # noqa: E731  # it is short
    assert kept().startswith("# Why")
    note, edit = panel.get_by_label("Note in Markdown"), panel.get_by_role("button", name="Edit", exact=True)
    edit.click()
    note.fill("never mind")
    note.press("Escape")  # which throws nothing away that was written
    panel.get_by_role("button", name="Cancel", exact=True).click()
    panel.locator("strong", has_text="first").wait_for()
    edit.click()
    note.press("Escape")
    note.wait_for(state="detached")
    edit.click()
    note.fill(kept().replace("first", "very first"))
    note.press("Control+Enter")
    panel.locator("strong", has_text="very first").wait_for()
    assert "very first" in kept()
    panel.get_by_role("button", name="Show all 3 curves").click()
    page.get_by_role("tabpanel", name="Metrics", exact=True).get_by_role("region", name="auc").wait_for()
    show(page, "Overview").get_by_role("button", name="forest", exact=True).click()
    page.locator(".jp-mod-experiment:visible").get_by_role("heading", name="forest").wait_for()
    page.get_by_role("tab", name="brave-owl").click()


def test_curves_are_drawn_searched_and_zoomed_into(page: Any, tmp_path: Path) -> None:
    panel = show(page, "Metrics")
    panel.get_by_role("region", name="train/loss").locator("canvas").wait_for()
    panel.get_by_text("3 points are NaN or infinite").wait_for()
    panel.get_by_label("Find metrics").fill("LOSS train")
    panel.get_by_role("region", name="auc").wait_for(state="detached")
    panel.get_by_label("Log scale").check()
    chart = panel.get_by_role("slider", name="train/loss")
    box = chart.bounding_box()
    drag(page, (box["x"] + 100, box["y"] + 80), (box["x"] + 250, box["y"] + 80))
    panel.get_by_role("button", name="Show all").wait_for()
    page.screenshot(path=tmp_path / "metrics.png")
    show(page, "Overview")
    panel = show(page, "Metrics")
    panel.get_by_role("button", name="Show all").click()  # the zoom outlived the tab
    panel.get_by_role("button", name="Show all").wait_for(state="detached")
    panel.get_by_label("Log scale").uncheck()
    panel.get_by_label("Find metrics").fill("")
    assert panel.get_by_role("region").first.get_attribute("aria-label") == "auc"
    panel.get_by_role("button", name="Keep train/loss first").click()
    first = "document.querySelector('.jp-Mlops-runCurve').getAttribute('aria-label')"
    page.wait_for_function(f"{first} === 'train/loss'")
    panel.get_by_role("button", name="Keep train/loss first").click()
    page.wait_for_function(f"{first} === 'auc'")
    panel.get_by_label("Smoothing").fill("0.9")
    panel.get_by_text("0.90").wait_for()
    with page.expect_response(lambda answer: "axis=time" in answer.url and answer.ok):
        panel.get_by_role("combobox", name="Over").select_option("elapsed")
    panel.get_by_role("combobox", name="Over").select_option("step")


def test_metrics_are_drawn_over_each_other_and_finer_where_one_zooms(page: Any, tmp_path: Path) -> None:
    panel = show(page, "Metrics")
    panel.get_by_role("button", name="Draw train/loss over others").click()
    together = panel.get_by_role("region", name="Metrics over each other")
    together.get_by_text("Choose another metric").wait_for()
    panel.get_by_role("button", name="Draw long over others").click()
    together.get_by_role("button", name="train/loss").wait_for()
    together.get_by_role("button", name="long", pressed=True).click()  # in the legend
    together.get_by_role("button", name="long", pressed=False).click()
    together.get_by_role("button", name="long", pressed=True).wait_for()
    chart = together.get_by_role("slider")
    chart.focus()
    with page.expect_response(lambda answer: "first=" in answer.url and answer.ok) as finer:
        for _ in range(3):
            chart.press("=")
    (curve,) = finer.value.json()["items"]
    assert [b - a for a, b in zip(curve["at"], curve["at"][1:], strict=False)] == [1] * (len(curve["at"]) - 1)
    page.screenshot(path=tmp_path / "together.png")
    chart.press("Home")  # of all, which was read in buckets of five
    assert chart.get_attribute("aria-valuenow") == "0"
    together.get_by_role("button", name="Clear").click()
    together.wait_for(state="detached")


def test_a_log_is_shown_from_its_end_and_searched_as_a_whole(page: Any, tmp_path: Path) -> None:
    panel = show(page, "Logs")
    panel.get_by_text("epoch 8999").wait_for()
    assert panel.locator(".ansi-green-fg", has_text="epoch 8999").count() == 1
    panel.get_by_label("Find in the log").fill("Epoch 77 done")
    panel.get_by_role("button", name="78 epoch 77 done").click()
    panel.locator(".jp-Mlops-runLogMark").wait_for()
    panel.locator(".ansi-green-fg", has_text=re.compile("^epoch 77$")).wait_for()
    page.screenshot(path=tmp_path / "logs.png")
    panel.get_by_role("button", name="Back to what was found").click()
    panel.get_by_role("button", name="78 epoch 77 done").click()
    panel.get_by_role("button", name="Later").click()
    panel.get_by_role("button", name="Later").wait_for(state="detached")  # all of it is there
    panel.get_by_role("button", name="End", exact=True).click()
    panel.get_by_text("epoch 8999").wait_for()
    assert panel.get_by_text("epoch 0 done").count() == 0
    panel.get_by_role("button", name="End", exact=True, pressed=True).wait_for()
    panel.get_by_role("log").evaluate("log => { log.scrollTop = 0; }")  # as the scroll bar does
    panel.get_by_role("button", name="End", exact=True, pressed=False).wait_for()
    panel.get_by_role("button", name=re.compile("^Earlier")).click()
    panel.get_by_role("button", name=re.compile("^Earlier")).wait_for(state="detached")
    panel.get_by_role("button", name="stderr").click()
    panel.get_by_label("Find in the log").fill("")
    panel.get_by_text("careful").wait_for()


def test_outputs_are_drawn_and_nothing_in_them_acts_on_the_page(page: Any, tmp_path: Path) -> None:
    panel = show(page, "Outputs")
    panel.get_by_role("img", name="figures/figure-1.svg").wait_for()
    choose = lambda name: panel.get_by_role("treeitem", name=name).click()  # noqa: E731  # it is short
    choose("report.html")
    report = panel.frame_locator("iframe[title='report.html']")
    report.get_by_text("its scripts run").wait_for()
    assert panel.locator("iframe").get_attribute("sandbox") == "allow-scripts"
    page.screenshot(path=tmp_path / "outputs.png")
    choose("errors.json")
    panel.get_by_role("cell", name="boundary").wait_for()
    choose("scores.csv")
    panel.get_by_role("cell", name="yes, so").wait_for()
    choose("notes.md")
    panel.locator("strong", has_text="bold").wait_for()
    choose("explore.ipynb")
    panel.get_by_role("heading", name="Explore").wait_for()
    panel.get_by_text("42", exact=True).wait_for()
    assert "broken" not in page.title()
    panel.get_by_role("button", name="Open", exact=True).click()
    page.locator(".jp-NotebookPanel:visible").get_by_role("heading", name="Explore").wait_for()
    close_tab(page)
    with page.expect_download() as download:
        panel.get_by_role("link", name="Download").click()
    assert json.loads(Path(download.value.path()).read_text()) == json.loads(NOTEBOOK)


def test_files_are_found_and_walked_through_by_keyboard(page: Any) -> None:
    panel = show(page, "Outputs")
    tree = panel.get_by_role("tree", name="Files of the run")
    rows = tree.get_by_role("treeitem")
    panel.get_by_label("Find files").fill("OUT plan")
    rows.filter(has_text="scores.csv").wait_for(state="detached")
    assert rows.all_inner_texts() == ["outputs/plan.txt\n11 B"]
    panel.get_by_label("Find files").fill("")
    rows.filter(has_text="scores.csv").wait_for()
    at = lambda: tree.locator(f"[id='{tree.get_attribute('aria-activedescendant')}']")  # noqa: E731  # it is short
    name = lambda: at().locator("bdi").inner_text()  # noqa: E731
    tree.press("Home")
    assert name() == "figures"
    tree.press("ArrowLeft")
    assert at().get_attribute("aria-expanded") == "false"
    tree.press("ArrowRight")
    assert at().get_attribute("aria-expanded") == "true"
    tree.press("ArrowRight")
    panel.get_by_role("img", name="figures/figure-1.svg").wait_for()  # what one walks to is shown
    tree.press("ArrowLeft")
    assert name() == "figures"
    tree.press("Enter")
    assert at().get_attribute("aria-expanded") == "false"
    tree.press(" ")
    assert at().get_attribute("aria-expanded") == "true"
    tree.press("End")
    assert name() == "report.html"
    tree.press("ArrowUp")
    tree.press("ArrowDown")
    assert name() == "report.html"
    tree.press("n")
    assert name() == "notebooks"
    tree.press("n")
    assert name() == "numbers.txt"  # the next one of that letter
    tree.press("Home")
    tree.press_sequentially("pl")  # the beginning of a name
    panel.get_by_text("first this").wait_for()
    tree.press("Enter")
    page.locator(".jp-FileEditor:visible .cm-content", has_text="first this").wait_for()
    close_tab(page)
    rows.filter(has_text="scores.csv").dblclick()
    page.locator(".jp-CSVViewer:visible").wait_for()
    close_tab(page)


def test_code_is_read_as_it_was_and_compared_with_the_folder_now(page: Any, place: Place, tmp_path: Path) -> None:
    panel = show(page, "Code")
    panel.get_by_role("treeitem", name="train.py").click()
    panel.get_by_text("lr = 0.1").wait_for()
    panel.get_by_role("button", name="Cell", exact=True).click()
    panel.get_by_text("ml.log(").wait_for()
    panel.get_by_role("button", name="Not committed", exact=True).click()
    panel.get_by_text("lr = 0.01").wait_for()
    panel.get_by_role("button", name="Compare", exact=True).click()
    panel.locator("tr.jp-mod-added", has_text="lr = 0.7").wait_for()
    page.screenshot(path=tmp_path / "diff.png")
    assert panel.locator("tr.jp-mod-removed", has_text="lr = 0.1").count() == 1
    (place.folder / "train.py").write_text("lr = 0.9\n" + "".join(f"print({n})\n" for n in range(1200)))
    panel.get_by_role("button", name="Look again").click()
    panel.locator("tr.jp-mod-added", has_text="lr = 0.9").wait_for()
    assert panel.get_by_text("print(1199)").count() == 0
    panel.get_by_role("button", name=re.compile(r"^Show \d+ more lines")).click()
    panel.get_by_text("print(1199)").wait_for()
    panel.locator("summary", has_text="train.py").click()
    panel.get_by_text("print(1199)").wait_for(state="hidden")
    panel.locator("summary", has_text="train.py").click()
    panel.get_by_text("print(1199)").wait_for(state="hidden")
    panel.locator("tr.jp-mod-added", has_text="lr = 0.9").wait_for()
    panel.get_by_label("Compare with").select_option(place.other.id)
    panel.locator("tr.jp-mod-added", has_text="lr = 0.5").wait_for()
    panel.get_by_role("button", name="Files", exact=True).click()
    panel.get_by_role("treeitem", name="explore.ipynb").dblclick()
    notebook = page.locator(".jp-NotebookPanel:visible")
    notebook.get_by_role("heading", name="Explore").wait_for()
    notebook.get_by_text("42", exact=True).wait_for()
    notebook.get_by_text("No Kernel").wait_for()
    page.get_by_role("tab", name="brave-owl").click()


def test_environments_are_compared_and_lineage_is_drawn(page: Any, place: Place) -> None:
    panel = show(page, "Environment")
    panel.get_by_text("pandas").wait_for()
    panel.get_by_label("Find packages").fill("num")
    panel.get_by_text("pandas").wait_for(state="detached")
    panel.get_by_label("Find packages").fill("")
    panel.get_by_label("Compare with").select_option(place.other.id)
    panel.get_by_role("row", name="numpy").wait_for()
    panel.get_by_label("Compare with").select_option("now")
    row = panel.get_by_role("row", name=re.compile("^msgspec "))
    row.wait_for()
    assert row.get_by_role("cell").all_inner_texts() == ["not there", version("msgspec")]
    with page.expect_response(lambda answer: answer.url.endswith("/environment") and answer.ok):
        panel.get_by_role("button", name="Look again").click()
    panel = show(page, "Lineage")
    datasets = panel.locator(".jp-Mlops-box", has_text="rows-")
    panel.locator(".jp-Mlops-box", has_text="3 more").click()
    datasets.nth(6).wait_for()
    panel.get_by_role("button", name="Fold again").click()
    datasets.nth(4).wait_for(state="detached")
    assert datasets.count() == 4


@pytest.mark.parametrize("theme", THEMES)
def test_what_is_copied_is_what_the_button_says(page: Any, place: Place, theme: str) -> None:
    use_theme(page, theme)
    bar = page.get_by_role("toolbar", name="What to do with the run")
    copied = "navigator.clipboard.readText()"
    run = place.first.id
    for name, expected in {"ID": f"^{run}$", "Python": run, "link": f"mlops=run(:|%3A){run}"}.items():
        press(page, f"Copy {name}")
        page.wait_for_function(f"async () => new RegExp({json.dumps(expected)}).test(await {copied})")
    bar.get_by_role("button", name="More actions").press("Enter")  # by keyboard, what finds no room beside the others
    page.locator(".lm-Menu-item.lm-mod-disabled", has_text="Cancel (It has ended already.)").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.getAttribute('aria-label') === 'More actions'")
    assert "Register a model" in bar.get_by_role("button", name="Deploy").get_attribute("title")


def test_tags_are_set_and_shown(page: Any, place: Place) -> None:
    shown = asked(page, "Tag")
    shown.get_by_role("button", name="Add a tag").click()
    shown.get_by_role("textbox", name="Tag 1").fill("team")
    shown.get_by_role("textbox", name="Value of team").fill("risk")
    confirm(page, "Save Tags")
    eventually(lambda: place.workspace.tracking.run(place.first.id).tags.get("team") == "risk")
    show(page, "Overview").get_by_text("risk", exact=True).wait_for()


def test_a_model_of_the_run_is_registered_and_then_may_be_deployed(page: Any, place: Place) -> None:
    shown = asked(page, "Register model")
    shown.get_by_role("combobox", name="Model").fill("churn")
    shown.get_by_text("More options").click()
    shown.get_by_role("textbox", name="Which of its models").fill("outputs/scores.csv")
    confirm(page, "Register")
    (version,) = show_model(place.workspace, "churn").versions
    assert version.run_id == place.first.id
    page.locator(".jp-mod-run:visible .jp-Mlops-button:not([aria-disabled=true])", has_text="Deploy").wait_for()
    shown = asked(page, "Deploy")
    assert shown.get_by_role("combobox", name="Model").input_value() == "churn:1"
    shown.get_by_role("button", name="Cancel", exact=True).click()
    shown.wait_for(state="detached")
    panel = show(page, "Lineage")
    panel.get_by_role("button", name="As a list").click()
    panel.get_by_role("list", name="Lineage").get_by_role("button", name="Model churn:1").click()
    page.locator(".jp-mod-model:visible").get_by_role("heading", name="churn", exact=True).wait_for()
    page.get_by_role("tab", name="brave-owl").click()
    panel.get_by_role("button", name="As a list").click()


def test_the_snapshot_is_opened_as_a_new_folder(page: Any, place: Place) -> None:
    asked(page, "Open snapshot as folder").get_by_role("textbox", name="New folder").fill("as-it-was")
    confirm(page, "Restore")
    assert (place.folder / "as-it-was" / "train.py").read_text() == "lr = 0.1\nprint(lr)\n"
    page.locator(".jp-FileBrowser .jp-DirListing-item", has_text="train.py").wait_for()


def test_a_comparison_begins_with_the_run(page: Any) -> None:
    press(page, "Compare")
    page.get_by_role("heading", name="1 run compared").wait_for()
    page.get_by_role("tab", name="brave-owl").click()
    show(page, "Overview").get_by_role("button", name="Compare them").click()
    page.get_by_role("heading", name="2 runs compared").wait_for()
    page.get_by_role("tab", name="brave-owl").click()


def test_a_child_is_opened_and_reproduced(page: Any, place: Place, tmp_path: Path) -> None:
    show(page, "Overview").get_by_role("button", name="quiet-fox").click()
    page.locator(".jp-Mlops-main.jp-mod-run:visible").get_by_role("heading", name="quiet-fox").wait_for()
    panel = show(page, "Metrics")
    panel.get_by_role("region", name=NAME).locator("canvas").wait_for()
    panel.get_by_role("region", name="a, b").get_by_text("one point").wait_for()
    page.screenshot(path=tmp_path / "names.png")
    show(page, "Overview").get_by_role("button", name=place.first.id[:8]).click()
    page.locator(".jp-Mlops-main.jp-mod-run:visible").get_by_role("heading", name="brave-owl").wait_for()
    page.get_by_role("tab", name="quiet-fox").click()
    asked(page, "Reproduce").get_by_label("Packages").select_option("current")
    confirm(page, "Reproduce")
    again = [run for run in place.workspace.tracking.runs() if run.tags.get("mlops.reproduces") == place.other.id]
    shown = page.locator(".jp-Mlops-main.jp-mod-run:visible")
    shown.get_by_role("heading", name=again[0].name).wait_for()
    shown.locator(".jp-Mlops-runStatus", has_text="finished").wait_for(timeout=60_000)
    show(page, "Logs").get_by_text("0.5", exact=True).wait_for()  # what the snapshot said, and not the folder now


def test_a_run_that_goes_on_is_followed_and_cancelled(page: Any, place: Place) -> None:
    tracking = place.workspace.tracking
    page.goto(re.sub(r"/lab.*", f"/lab?mlops=run:{place.going.id}", page.url))
    page.locator(".jp-mod-run:visible").get_by_role("heading", name="going-on").wait_for()
    page.get_by_role("tab", name="brave-owl").wait_for()  # behind, and not asked about
    panel = show(page, "Metrics")
    panel.get_by_text("No metrics yet").wait_for()
    logged = MetricPoint(key="loss", value=0.25, step=0, at_ms=int(time.time() * 1000))
    began = time.monotonic()
    tracking.log(place.going.id, metrics=[logged])
    panel.get_by_role("region", name="loss").wait_for()
    assert time.monotonic() - began < 5  # a second where the machine is idle
    panel = show(page, "Logs")
    panel.get_by_text("What the run prints").wait_for()
    journal = place.workspace.journals.open(place.going.id, place.going.artifact_uri)
    journal.write("stdout", "line 1\n")
    panel.get_by_text("line 1").wait_for()
    panel.get_by_role("button", name="Follow", exact=True).click()
    journal.write("stdout", "line 2\n")
    panel.get_by_role("button", name="Follow", exact=True, pressed=False).click()
    panel.get_by_text("line 2").wait_for()
    asked(page, "Cancel")
    confirm(page, "Cancel Run")
    page.locator(".jp-Mlops-runStatus:visible", has_text="killed").wait_for()
    assert tracking.run(place.going.id).status == "KILLED"


def test_it_is_drawn_and_read_in_the_other_theme_too(page: Any, place: Place, tmp_path: Path) -> None:
    page.goto(re.sub(r"/lab.*", f"/lab?mlops=run:{place.first.id}", page.url))
    page.locator(".jp-mod-run:visible").get_by_role("heading", name="brave-owl").wait_for()
    panel = show(page, "Metrics")
    panel.get_by_role("region", name="train/loss").locator("canvas").wait_for()
    color = "getComputedStyle(document.body).getPropertyValue('--jp-mlops-curve-1').trim()"
    second = page.evaluate(color)
    parts = {"Metrics": "canvas", "Overview": "strong", "Logs": "pre", "Outputs": "img", "Code": "[role=treeitem]"}
    assert not faint(page, ".jp-mod-run", {**parts, "Environment": "li"}, tmp_path)
    use_theme(page, THEMES[0])
    page.wait_for_function(f"{color} !== {json.dumps(second)}")
    assert "broken" not in page.title()
