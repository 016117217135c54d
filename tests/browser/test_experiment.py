"""The table of runs in a real JupyterLab: each of its controls, from the click to the effect, at 10,000 runs, in light and dark."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from labs import THEMES
from pages import confirm, copied, drag, fill, form, menu, press_of, told, use_theme
from runtable import ARABIC, SORT_MS, box, choose, few, grid, head, make, many, names, until

from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def lab(start_lab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("place") / "lab"
    folder.mkdir()
    many(folder)
    return start_lab(folder)


@pytest.fixture(scope="module")
def ids(world: Workspace) -> dict[str, str]:
    """Runs of the experiment ``few``, by name."""
    return few(world)


@pytest.fixture(scope="module")
def world(lab: Any) -> Iterator[Workspace]:
    with closing(Workspace.open(lab.folder)) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(lab: Any, ids: dict[str, str], open_lab: Callable[..., Any]) -> Any:  # noqa: ARG001  # made before it is opened
    page = open_lab(lab, "lab?mlops=experiment:few", width=1500, height=900)
    page.get_by_role("heading", name="few").wait_for()
    page.get_by_text("7 runs").wait_for()
    return page


def test_children_are_folded_and_names_of_any_length_and_direction_are_drawn(page: Any, tmp_path: Path) -> None:
    until(page, lambda: {"tree-1", "parent", ARABIC} <= set(names(page)))
    assert "fold-1" not in names(page)
    page.get_by_role("button", name="Unfold").click()
    until(page, lambda: {"fold-1", "fold-2"} <= set(names(page)))
    long = grid(page).locator("bdi", has_text="아주 긴 이름").first
    assert long.bounding_box()["width"] < 300
    page.screenshot(path=tmp_path / "few.png")
    page.get_by_role("button", name="Fold", exact=True).click()
    until(page, lambda: "fold-1" not in names(page))
    grid(page).locator("bdi", has_text="parent").click()  # a click chooses it, too
    for key, is_open in (("ArrowRight", True), ("ArrowLeft", False), ("ArrowRight", True)):
        page.keyboard.press(key)
        until(page, lambda is_open=is_open: ("fold-1" in names(page)) == is_open)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Fold Children").click()
    until(page, lambda: names(page).count("fold-1") == 1 and len(names(page)) == 9)  # once, though it was unfolded
    page.get_by_role("button", name="Fold Children").click()
    page.get_by_text("7 runs").wait_for()
    page.get_by_role("button", name="Fold", exact=True).click()
    until(page, lambda: "fold-1" not in names(page))


def test_a_click_on_a_head_sorts_on_the_server_and_what_is_nan_or_missing_comes_last(page: Any) -> None:
    head(page, "auc").click()
    until(page, lambda: names(page)[:5] == ["parent", "svm-1", "tree-2", "tree-1", "svm-2"])
    assert head(page, "auc").get_attribute("aria-sort") == "descending"
    head(page, "auc").click()
    until(page, lambda: names(page)[:5] == ["tree-1", "tree-2", "svm-1", "parent", "svm-2"])
    head(page, "auc").click()
    until(page, lambda: head(page, "auc").get_attribute("aria-sort") == "none")


def test_the_menus_of_a_head_do_what_they_say(page: Any) -> None:
    head(page, "auc").hover()
    grid(page).get_by_role("button", name="Menu of the column: auc").click()
    choose(page, "Sort from the Bottom")
    until(page, lambda: names(page)[:3] == ["tree-1", "tree-2", "svm-1"])
    for entry, first in (
        ("Sort from the Top", "parent"),
        ("Mark the Highest", "parent"),
        ("Mark the Highest", "parent"),
    ):
        head(page, "auc").click(button="right")
        choose(page, entry)
        until(page, lambda first=first: names(page)[0] == first)
    for _ in range(2):
        head(page, "auc").click()
    until(page, lambda: head(page, "auc").get_attribute("aria-sort") == "none")
    order = "heads => heads.map(one => one.textContent)"
    heads = grid(page).get_by_role("columnheader")
    before = heads.evaluate_all(order)
    for entry, is_moved in (("Move Right", True), ("Move Left", False)):
        head(page, "Status").click(button="right")
        choose(page, entry)
        until(page, lambda is_moved=is_moved: (heads.evaluate_all(order) != before) == is_moved)
    head(page, "Status").click(button="right")
    choose(page, "Group by This")
    page.get_by_text("9 runs in 2 groups").wait_for()
    grid(page).get_by_role("gridcell").get_by_text("finished", exact=True).wait_for()  # in the column's words
    page.get_by_label("Group by").select_option(label="nothing")
    page.get_by_text("7 runs").wait_for()


def test_the_menu_of_a_row_does_what_it_says_in_the_workspace(page: Any, world: Workspace, ids: dict[str, str]) -> None:
    def row_menu(entry: str) -> None:
        grid(page).get_by_role("row", name=re.compile("tree-2")).click(button="right")
        choose(page, entry)

    row_menu("Copy Id")
    until(page, lambda: copied(page) == ids["tree-2"])
    row_menu("Open")
    page.get_by_role("heading", name="tree-2", level=1).wait_for()
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()
    grid(page).get_by_role("row", name=re.compile("tree-2")).dblclick()
    page.get_by_role("heading", name="tree-2", level=1).wait_for()
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()
    page.get_by_role("button", name="Clear", exact=True).click()  # a click chooses it, too
    row_menu("Tag 1 Run…")
    shown = form(page)
    shown.get_by_role("button", name="Add a tag").click()
    fill(shown, Tag_1="by", Value_of_by="menu")
    confirm(page, "Save Tags")
    until(page, lambda: world.tracking.run(ids["tree-2"]).tags.get("by") == "menu")
    row_menu("Delete 1 Run…")
    confirm(page, "Delete 1 Run")
    until(page, lambda: "tree-2" not in names(page))
    assert world.tracking.deleted_run(ids["tree-2"]).deleted
    press_of(told(page, "1 run is in the trash."), "Undo")
    until(page, lambda: "tree-2" in names(page))
    box(page, "svm-1").click()
    box(page, "tree-2").click()
    row_menu("Compare 2 Runs")
    page.get_by_role("heading", name="2 runs compared").wait_for()
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()
    grid(page).get_by_role("checkbox", name="Select all runs").click()
    page.get_by_text("7 selected").wait_for()
    grid(page).get_by_role("checkbox", name="Select all runs").click()
    page.get_by_text("7 selected").wait_for(state="detached")


def test_the_best_of_a_metric_is_marked_when_a_person_asks(page: Any) -> None:
    assert grid(page).locator(".jp-MlopsTable-best").count() == 0
    head(page, "auc").click(button="right")
    choose(page, "Mark the Lowest")
    until(page, lambda: grid(page).locator(".jp-MlopsTable-best").all_inner_texts() == ["★ 0.5"])
    head(page, "auc").click(button="right")
    choose(page, "Mark the Lowest")
    until(page, lambda: grid(page).locator(".jp-MlopsTable-best").count() == 0)


def test_a_filter_is_completed_applied_and_told_what_is_wrong_with_it(page: Any) -> None:
    filter_box = page.get_by_role("combobox", name="Filter runs")
    filter_box.press_sequentially("mode")
    page.get_by_role("option", name="params.model").click()
    filter_box.press_sequentially("= 'sv")
    page.get_by_role("option", name="'svm'").click()
    until(page, lambda: sorted(names(page)) == ["svm-1", "svm-2"])
    page.get_by_text("2 runs").wait_for()
    filter_box.press_sequentially("and metrics.auc >")
    page.get_by_role("option", name="0.9").wait_for()
    filter_box.press("Escape")  # while there is something to choose, nothing is wrong yet
    page.get_by_text("The filter cannot be read at column").wait_for()
    assert sorted(names(page)) == ["svm-1", "svm-2"]
    page.get_by_role("button", name="Clear the filter").click()
    page.get_by_text("7 runs").wait_for()
    filter_box.fill("no such thing")
    page.locator(".jp-Mlops-empty:visible").get_by_role("button", name="Clear the filter").click()
    page.get_by_text("7 runs").wait_for()


def test_runs_are_grouped_by_a_parameter_and_a_group_unfolds(page: Any) -> None:
    page.get_by_label("Group by").select_option(label="model")
    page.get_by_text("9 runs in 4 groups").wait_for()
    tree = grid(page).get_by_role("row").filter(has=page.get_by_text("tree", exact=True))
    assert "0.6 ± 0.1414" in tree.inner_text()
    assert "sample standard deviation (n " in tree.locator("[title*='sample standard deviation']").first.get_attribute(
        "title"
    )
    tree.get_by_role("button", name="Unfold").click()
    until(page, lambda: {"tree-1", "tree-2"} <= set(names(page)))
    tree.get_by_text("tree", exact=True).first.dblclick()
    until(page, lambda: "tree-1" not in names(page))
    for key, is_open in (("ArrowRight", True), ("ArrowLeft", False), ("Enter", True)):
        page.keyboard.press(key)
        until(page, lambda is_open=is_open: ("tree-1" in names(page)) == is_open)
    page.get_by_label("Group by").select_option(label="nothing")
    page.get_by_text("7 runs").wait_for()


def test_columns_are_chosen_moved_and_widened_and_all_is_so_again_after_a_reload(page: Any) -> None:
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("searchbox", name="Search for a column").fill("project")
    page.get_by_role("checkbox", name="Project").check()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Columns").wait_for(state="detached")  # it lies over the heads
    head(page, "Project").wait_for()
    before = head(page, "auc").bounding_box()
    target = head(page, "Status").bounding_box()
    middle = before["x"] + before["width"] / 2  # at its left is the button of its menu
    drag(page, (middle, before["y"] + 10), (target["x"] + 30, target["y"] + 10))
    order = "heads => heads.map(one => one.textContent)"
    heads = grid(page).get_by_role("columnheader")
    until(page, lambda: heads.evaluate_all(order)[1:4] == ["Name", "auc", "Status"])
    assert head(page, "auc").get_attribute("aria-sort") == "none"  # a drag is no click
    edge = head(page, "auc").bounding_box()
    end = edge["x"] + edge["width"]
    drag(page, (end - 1, edge["y"] + 10), (end + 59, edge["y"] + 10))
    until(page, lambda: abs(head(page, "auc").bounding_box()["width"] - edge["width"] - 60) < 3)
    page.wait_for_timeout(1500)  # Lab saves its state a second after the last change
    page.reload()
    page.get_by_text("7 runs").wait_for()
    until(page, lambda: heads.evaluate_all(order)[1:4] == ["Name", "auc", "Status"])
    assert abs(head(page, "auc").bounding_box()["width"] - edge["width"] - 60) < 3
    head(page, "Project").click(button="right")
    choose(page, "Hide")
    head(page, "Project").wait_for(state="detached")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Reset").click()
    until(page, lambda: heads.evaluate_all(order)[1:3] == ["Name", "Status"])
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Reset").wait_for(state="detached")


def test_selected_runs_are_tagged_compared_deleted_and_restored(
    page: Any, world: Workspace, ids: dict[str, str]
) -> None:
    box(page, "tree-1").click()
    box(page, "svm-1").click()
    page.get_by_text("2 selected").wait_for()
    page.get_by_role("button", name="Tag…").click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("input").nth(0).fill("team")
    dialog.locator("input").nth(1).fill("risk")
    dialog.get_by_role("button", name="Save Tags").click()
    until(page, lambda: all(world.tracking.run(ids[n]).tags.get("team") == "risk" for n in ("tree-1", "svm-1")))
    page.get_by_role("button", name="Delete…").click()
    page.locator(".jp-Dialog").get_by_role("button", name=re.compile("^Delete")).click()
    until(page, lambda: not {"tree-1", "svm-1"} & set(names(page)))
    assert world.tracking.deleted_run(ids["svm-1"]).deleted
    page.get_by_text("2 selected").wait_for(state="detached")
    page.get_by_role("button", name="Trash", exact=True).click()
    until(page, lambda: sorted(names(page)) == ["svm-1", "tree-1"])
    for name in ("tree-1", "svm-1"):
        box(page, name).click()
    page.get_by_role("button", name="Restore").click()
    page.get_by_text("The trash is empty.").wait_for()
    page.set_viewport_size({"width": 1000, "height": 900})
    page.get_by_role("button", name="More actions").click()  # which has what finds no room beside the others
    menu(page, "Trash")
    page.set_viewport_size({"width": 1500, "height": 900})
    until(page, lambda: {"tree-1", "svm-1"} <= set(names(page)))
    assert not world.tracking.run(ids["svm-1"]).deleted
    box(page, "tree-1").click()
    box(page, "svm-1").click()
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("heading", name="2 runs compared").wait_for()
    page.get_by_role("tab", name="few").click()
    page.get_by_role("button", name="Clear", exact=True).click()


def test_what_is_shown_is_saved_as_a_file_for_spreadsheets(page: Any) -> None:
    with page.expect_download() as begun:
        page.get_by_role("button", name="Export CSV").click()
    text = Path(begun.value.path()).read_text("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert begun.value.suggested_filename == "few.csv"
    assert {row["name"] for row in rows} >= {ARABIC, "svm-2"}
    assert next(row for row in rows if row["name"] == "svm-2")["metrics.auc"] == "NaN"
    assert {row["params.model"] for row in rows} == {"", "svm", "tree", "'=cmd()"}


def test_it_is_walked_with_the_keyboard_and_enter_opens_the_run(page: Any, ids: dict[str, str]) -> None:
    grid(page).focus()
    page.keyboard.press("Control+Home")
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "Space", "Shift+ArrowDown"):
        page.keyboard.press(key)
    page.get_by_text("2 selected").wait_for()
    name = names(page)[3]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=name, level=1).wait_for()
    page.get_by_role("tab", name="few").click()
    grid(page).focus()
    page.keyboard.press("Escape")
    page.get_by_text("2 selected").wait_for(state="detached")
    page.keyboard.press("Control+a")
    page.get_by_text("7 selected").wait_for()
    for key in ("Control+Home", "ArrowUp", "Home", "Space"):  # on the box of all
        page.keyboard.press(key)
    page.get_by_text("7 selected").wait_for(state="detached")
    page.keyboard.press("Control+Home")
    page.keyboard.press("Shift+F10")
    choose(page, "Copy Id")
    until(page, lambda: copied(page) == ids[names(page)[0]])
    box(page, names(page)[0]).click()
    box(page, names(page)[2]).click(modifiers=["Shift"])
    page.get_by_text("3 selected").wait_for()
    page.get_by_role("button", name="Clear", exact=True).click()
    grid(page).focus()
    for key in ("Control+Home", "ArrowUp", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    width = head(page, "Status").bounding_box()["width"]
    page.keyboard.press("Shift+ArrowRight")
    until(page, lambda: head(page, "Status").bounding_box()["width"] > width)
    page.keyboard.press("Enter")
    until(page, lambda: head(page, "Status").get_attribute("aria-sort") != "none")
    page.keyboard.press("Control+Shift+ArrowRight")
    order = "heads => heads.map(one => one.textContent)"
    until(page, lambda: grid(page).get_by_role("columnheader").evaluate_all(order)[2] != "Status")
    page.keyboard.press("Shift+F10")
    choose(page, "Hide")
    head(page, "Status").wait_for(state="detached")


@pytest.mark.parametrize("theme", THEMES)
def test_it_is_drawn_in_the_colours_of_the_theme(theme: str, page: Any, tmp_path: Path) -> None:
    """What follows is done in the second theme."""
    use_theme(page, theme)
    box(page, "svm-2").click()
    page.screenshot(path=tmp_path / "table.png")
    colour = "row => getComputedStyle(row).backgroundColor"
    plain = grid(page).get_by_role("row", name=re.compile("tree-2")).evaluate(colour)
    assert (plain == "rgb(255, 255, 255)") == (theme == "JupyterLab Light"), plain
    assert grid(page).get_by_role("row", name=re.compile("svm-2")).evaluate(colour) != plain
    page.get_by_role("button", name="Clear", exact=True).click()


def test_ten_thousand_runs_are_sorted_at_once_scrolled_and_stay_under_the_mouse(
    lab: Any, world: Workspace, page: Any
) -> None:
    # What a person set up may be refused by now: Lab keeps it for this person, and a later server reads it.
    kept = {"by": "metrics.auc", "where": "name = 'seed-1'", "order": {"id": "metrics.auc", "descending": True}}
    xsrf = next(one["value"] for one in page.context.cookies() if one["name"] == "_xsrf")
    answer = page.request.put(
        f"{lab.url}lab/api/workspaces/odd",
        data={"data": {"jupyter-mlops:table:many": kept}, "metadata": {"id": "odd"}},
        headers={"X-XSRFToken": xsrf},
    )
    assert answer.ok, answer.text()
    page.goto(f"{lab.url}lab/workspaces/odd?mlops=experiment:many")
    page.get_by_text("Runs cannot be grouped by").wait_for(timeout=60_000)
    page.get_by_role("button", name="Show without order, filter and groups").click()
    page.get_by_text("10,000 runs").wait_for(timeout=60_000)
    page.get_by_text("seed-19").first.wait_for()
    sorted_ms = []
    for label in ("auc", "loss", "auc", "loss", "auc", "loss"):
        sorted_ms.append(page.evaluate(SORT_MS, label))
        page.wait_for_timeout(200)
    assert min(sorted_ms) < 200, sorted_ms
    page.locator("label:visible", has_text="Group by").locator("select").select_option(label="depth")
    page.get_by_text("10,000 runs in 5 groups").wait_for()
    grid(page).get_by_role("button", name="Unfold").last.click()
    until(page, lambda: len(names(page)) > 10)
    grid(page).focus()
    page.keyboard.press("Control+End")
    grid(page).get_by_role("button", name="1800 more: show all in the table").click()
    page.get_by_text("2,000 runs").wait_for()
    page.locator(".jp-MlopsTable:visible").get_by_role("button", name="Clear the filter").click()
    page.get_by_text("10,000 runs").wait_for()
    head(page, "Started").click()
    until(page, lambda: head(page, "Started").get_attribute("aria-sort") == "descending")
    until(page, lambda: grid(page).get_attribute("aria-busy") is None)
    grid(page).evaluate("grid => { grid.scrollTop = 28 * 5000; }")
    until(page, lambda: "" not in names(page) and len(names(page)) > 10)
    under_mouse = "document.elementFromPoint(700, 500).closest('.jp-MlopsGrid-row').innerText"
    until(page, lambda: page.evaluate(under_mouse).strip())
    before = page.evaluate(under_mouse)
    make(world, "many", "newest", params={"depth": "1"}, metrics={"auc": 2.0})
    page.get_by_text("10,001 runs").wait_for()
    until(page, lambda: int(grid(page).evaluate("grid => grid.scrollTop")) == 28 * 5001)
    assert page.evaluate(under_mouse) == before
    # Rows follow Lab's font, and what was at the top stays there.
    page.evaluate("document.documentElement.style.setProperty('--jp-ui-font-size1', '17px')")
    until(page, lambda: int(grid(page).evaluate("grid => grid.scrollTop")) == 37 * 5001)
    assert grid(page).evaluate(
        "grid => [...grid.querySelectorAll('[role=gridcell]')].every(cell => cell.scrollHeight <= cell.clientHeight)"
    )
    page.evaluate("document.documentElement.style.removeProperty('--jp-ui-font-size1')")
    until(page, lambda: int(grid(page).evaluate("grid => grid.scrollTop")) == 28 * 5001)
    head(page, "auc").click()
    until(page, lambda: names(page)[0] == "newest")
    assert grid(page).evaluate("grid => grid.scrollTop") == 0
