"""Comparisons in a real JupyterLab: each control of the widget, from the click to what it does."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from labs import THEMES
from pages import drag, faint, tab, use_theme
from PIL import Image

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LONG = "n" * 10_000
KOREAN, ARABIC = "첫 번째 실험", "تجربة أولى"
SHAPE = "150 × 4"  # noqa: RUF001  # a multiplication sign
NOWHERE = "0" * 32
BEGAN_MS = 1_700_000_000_000
# Name, parameters, last values of metrics, a line of source, numpy's version.
RUNS: list[tuple[str, dict[str, str], dict[str, Any], str, str]] = [
    ("baseline", {"lr": "0.1", "depth": "3", "seed": "7"}, {"auc": 0.81, "val_loss": 0.52}, "x = 1", "1.26.0"),
    (KOREAN, {"lr": "0.01", "depth": "5", "seed": "7"}, {"auc": 0.93, "val_loss": 0.31}, "x = 2", "2.0.0"),
    (ARABIC, {"lr": "0.001", "depth": "5", "seed": "7"}, {"auc": "NaN", "val_loss": "Infinity"}, "x = 2", "2.0.0"),
    (LONG, {"lr": "1e-05", "seed": "7", "note": "=1+1|x"}, {"auc": 0.88, "val_loss": 0.4}, "x = 1", "1.26.0"),
]


def make_run(world: Workspace, folder: Path, made: tuple[str, dict[str, str], dict[str, Any], str, str]) -> str:
    from mlflow.entities import Dataset, DatasetInput

    name, params, last, source, numpy = made
    (folder / "train.py").write_text(f"import numpy\n\n{source}\nprint(x)\n", "utf-8")
    if name == LONG:
        (folder / "lib.py").write_text("y = 1\n", "utf-8")
    snapshot = take_snapshot(world, folder)
    run = world.tracking.create_run("compare", name, tags={"mlops.snapshot": snapshot.name}, params=params)
    points = [
        MetricPoint(key=key, value=value if step == 9 else 1 / (step + 1), step=step, at_ms=BEGAN_MS + step * 500)
        for key, value in last.items()
        for step in range(10)
    ]
    world.tracking.log(run.id, metrics=points)
    packages = Environment(python="3.11.7", packages={"numpy": numpy, "pandas": "2.2.0"})
    world.tracking.write(run.id, encode(packages), "mlops/environment.json")
    for name_of, digest in (("rows", source[-1]), ("holdout", "f00")):
        rows = Dataset(name_of, digest, "local", "{}", profile='{"num_rows": 150, "num_elements": 600}')
        world.tracking.client.log_inputs(run.id, [DatasetInput(rows)])  # MLflow's only way
    world.tracking.end_run(run.id, "FINISHED")
    return run.id


@pytest.fixture(scope="module")
def world(lab: Any) -> Iterator[Workspace]:
    world = Workspace.open(lab.folder, create=True)
    yield world
    world.close()


@pytest.fixture(scope="module")
def ids(world: Workspace, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("project")
    return [make_run(world, folder, run) for run in RUNS]


@pytest.fixture(scope="module")
def page(lab: Any, ids: list[str], open_lab: Callable[..., Any]) -> Any:
    """A comparison of all runs and one that never was, opened by its link; all tests use it in their order."""
    page = open_lab(lab, f"lab?mlops=compare:{','.join([*ids, NOWHERE])}", width=1500, height=900)
    page.locator(".jp-Mlops-compare").wait_for(timeout=60_000)
    return page


def cells(page: Any, name: str) -> list[str]:
    """Return the texts of a row of the table that is shown."""
    row = page.get_by_role("row", name=re.compile(f"^{name}"))
    row.wait_for()
    return row.get_by_role("cell").all_inner_texts()


def downloaded(page: Any, button: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


def picture(page: Any) -> Image.Image:
    """Return the chart as it is downloaded: not blank, on a background that nothing shines through."""
    image = Image.open(io.BytesIO(downloaded(page, "PNG")))
    assert min(image.size) > 400
    assert image.convert("RGBA").getextrema()[3] == (255, 255)
    assert len(image.convert("RGB").getcolors(1 << 24)) > 20
    return image.convert("RGB")


def has(image: Image.Image, color: str, least: int) -> bool:
    """Tell whether a colour (``rgb(...)``) fills ``least`` pixels of a picture."""
    wanted = tuple(int(part) for part in re.findall(r"\d+", color)[:3])
    return sum(n for n, found in image.getcolors(1 << 24) if found == wanted) >= least


def colors(page: Any) -> list[str]:
    """Return the colours of the runs, as the list of runs has them."""
    return page.locator(".jp-Mlops-compareRun .jp-Mlops-swatch").evaluate_all(
        "all => all.map(one => getComputedStyle(one).backgroundColor)"
    )


def test_what_differs_is_shown_first_and_what_is_not_there_is_said(page: Any) -> None:
    tab(page, "Parameters and metrics")
    assert cells(page, "lr") == ["0.1", "0.01", "0.001", "1e-05"]
    assert cells(page, "auc") == ["0.81", "0.93\nbest\n+0.12", "NaN", "0.88\n+0.07"]
    assert cells(page, "val_loss")[1:3] == ["0.31\nbest\n−0.21", "Infinity"]  # noqa: RUF001  # a minus sign
    assert page.get_by_role("row", name="seed").count() == 0
    assert page.get_by_text(f"There is no run '{NOWHERE}'").is_visible()
    page.get_by_role("checkbox", name="Show all").check()
    assert cells(page, "seed") == ["7"] * 4
    page.get_by_role("checkbox", name="Show all").uncheck()
    page.get_by_role("searchbox", name="Filter parameters and metrics by name").fill("loss")
    page.get_by_role("row", name="lr").wait_for(state="detached")
    page.get_by_role("searchbox", name="Filter parameters and metrics by name").fill("")


def test_the_direction_of_a_metric_the_order_and_the_base_are_chosen(page: Any) -> None:
    tab(page, "Parameters and metrics")
    page.get_by_role("button", name="val_loss: lower is better").click()
    assert cells(page, "val_loss")[2] == "Infinity\nbest"
    page.get_by_role("button", name="val_loss: higher is better").click()
    page.get_by_role("button", name="lr", exact=True).click()
    assert cells(page, "lr") == ["0.1", "1e-05", "0.001", "0.01"]
    page.get_by_role("combobox", name="Base").select_option(label=KOREAN)
    assert cells(page, "lr") == ["0.01", "1e-05", "0.001", "0.1"]
    assert cells(page, "auc")[3] == "0.81\n−0.12"  # noqa: RUF001  # a minus sign
    page.get_by_role("button", name="Order as added").click()
    page.get_by_role("combobox", name="Base").select_option(label="baseline")
    assert cells(page, "lr") == ["0.1", "0.01", "0.001", "1e-05"]
    page.get_by_role("button", name="auc", exact=True).click()
    assert cells(page, "lr") == ["0.1", "0.01", "1e-05", "0.001"]
    page.get_by_role("button", name="Order as added").click()
    page.get_by_role("columnheader", name="baseline").get_by_role("button", name="baseline").click()
    back_from_run(page, "baseline")


def back_from_run(page: Any, name: str) -> None:
    """Wait for a run that was opened, and close it."""
    page.locator(".jp-Mlops-main.jp-mod-run:visible").get_by_role("heading", name=name).wait_for()
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()
    page.locator(".jp-Mlops-compare").wait_for()


def test_tables_are_kept_as_csv_and_markdown(page: Any) -> None:
    tab(page, "Parameters and metrics")
    table = list(csv.reader(io.StringIO(downloaded(page, "CSV").decode("utf-8-sig"))))
    head, *rows = table
    assert [row[head.index("name")] for row in rows] == [run[0] for run in RUNS]
    assert [row[head.index("params.lr")] for row in rows] == ["0.1", "0.01", "0.001", "1e-05"]
    assert [row[head.index("metrics.auc")] for row in rows] == ["0.81", "0.93", "NaN", "0.88"]
    assert rows[3][head.index("params.note")] == "'=1+1|x"  # no spreadsheet takes it for a formula
    shown = downloaded(page, "Markdown").decode()
    assert "| auc | 0.81 | 0.93 (best) | NaN | 0.88 |" in shown
    assert "=1+1\\|x" in shown
    page.get_by_role("button", name="Copy Markdown").click()
    page.get_by_text("The table is copied as Markdown.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == shown


def test_curves_of_all_runs_lie_over_each_other_in_their_colours(page: Any) -> None:
    tab(page, "Curves")
    page.get_by_role("combobox", name="Metric").select_option("val_loss")
    chart = page.get_by_role("figure", name="val_loss of 4 runs")
    chart.get_by_text("0.31").wait_for()
    page.get_by_role("checkbox", name="logarithmic").check()
    page.get_by_role("slider", name="val_loss of 4 runs").press("=")
    page.get_by_role("button", name="Show all", exact=True).click()
    page.get_by_role("button", name="Show all", exact=True).wait_for(state="detached")
    with page.expect_response(lambda answer: "axis=time" in answer.url and answer.ok):
        page.get_by_role("combobox", name="Axis").select_option("elapsed")
    page.get_by_role("slider", name="Smoothing").fill("0.6")
    image = picture(page)
    assert all(has(image, color, 100) for color in colors(page)), "the legend has every run's colour"


def test_a_brush_on_an_axis_leaves_runs_out(page: Any, ids: list[str]) -> None:
    tab(page, "Parallel coordinates")
    page.locator(".jp-Mlops-compareLine").nth(3).wait_for()
    page.mouse.click(
        *page.locator(f".jp-Mlops-compareLine[data-run='{ids[0]}'] path").first.evaluate(
            """path => { const at = path.getPointAtLength(path.getTotalLength() / 10).matrixTransform(path.getScreenCTM());
                         return [at.x, at.y]; }"""
        )
    )
    back_from_run(page, "baseline")
    page.get_by_role("button", name="Axes: 5").click()
    page.get_by_role("button", name="Remove the axis note").click()
    page.get_by_role("searchbox", name="Find parameters and metrics to add as axes").fill("note")
    page.get_by_role("list", name="Axes to add").get_by_role("button", name="note").click()
    page.get_by_role("button", name="Move note to the left").click()
    axes = page.get_by_role("list", name="Chosen axes").get_by_role("listitem").locator(".jp-Mlops-pickerName")
    assert axes.all_inner_texts() == ["lr", "depth", "auc", "note", "val_loss"]
    page.get_by_role("button", name="Move lr to the right").click()
    assert axes.all_inner_texts()[:2] == ["depth", "lr"]
    page.get_by_role("button", name="Move lr to the left").click()
    page.get_by_role("button", name="Remove the axis note").click()
    page.get_by_role("combobox", name="Scale of depth").select_option("categories")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Axes: 4").wait_for()
    box = page.locator(".jp-Mlops-brushRoom").first.bounding_box()
    assert box
    drag(page, (box["x"] + 11, box["y"] + 5), (box["x"] + 11, box["y"] + box["height"] * 0.4))
    page.get_by_text("2 of 4 runs").wait_for()
    out = page.locator(".jp-Mlops-compareLine.jp-mod-out").evaluate_all("all => all.map(one => one.dataset.run)")
    assert set(out) == set(ids[2:])
    assert all(has(picture(page), color, 100) for color in colors(page))
    page.get_by_role("slider", name="lr: lower end of the filter").press("Delete")
    page.get_by_text("Drag along an axis to filter.").wait_for()
    page.get_by_role("slider", name="depth: lower end of the filter").press("PageUp")
    page.get_by_text("3 of 4 runs").wait_for()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_role("combobox", name="Colour").select_option("auc")
    assert page.locator(".jp-Mlops-colorKey").get_by_text("auc NaN").is_visible()


def test_a_point_names_its_run_and_opens_it(page: Any, ids: list[str]) -> None:
    tab(page, "Scatter")
    page.get_by_role("combobox", name="x", exact=True).select_option("lr")
    page.get_by_role("combobox", name="y", exact=True).select_option("val_loss")
    page.get_by_role("combobox", name="Scale of x").select_option("linear")
    page.get_by_role("combobox", name="Scale of x").select_option("log")
    at = lambda: page.locator(f".jp-Mlops-point[data-run='{ids[1]}'] circle").last.get_attribute("cy")  # noqa: E731
    linear = at()
    page.get_by_role("combobox", name="Scale of y").select_option("log")
    assert at() != linear
    page.get_by_role("combobox", name="Scale of y").select_option("linear")
    assert at() == linear
    point = page.locator(f".jp-Mlops-point[data-run='{ids[1]}']")
    point.hover()
    said = page.get_by_role("tooltip")
    assert said.get_by_text(KOREAN).is_visible()
    assert "0.31" in said.inner_text()
    assert all(has(picture(page), color, 100) for color in colors(page))
    point.click()
    back_from_run(page, KOREAN)


def test_code_is_compared_with_the_base(page: Any) -> None:
    use_theme(page, THEMES[1])
    tab(page, "Code")
    page.locator("tr.jp-mod-added", has_text="x = 2").wait_for()
    assert page.locator("tr.jp-mod-removed").all_inner_texts() == ["3\t\t−\tx = 1"]  # noqa: RUF001  # a minus sign
    assert page.get_by_role("list", name="Files that differ").get_by_role("button").all_inner_texts() == [
        "~\ntrain.py\n+1\n−1"  # noqa: RUF001  # a minus sign
    ]
    page.get_by_role("combobox", name="Base").select_option(label=KOREAN)
    page.locator("tr.jp-mod-added", has_text="x = 1").wait_for()
    page.get_by_role("radio").nth(1).click()  # the version of the run with the long name
    page.get_by_role("list", name="Files that differ").get_by_role("button", name="lib.py").click()
    page.locator("tr.jp-mod-added", has_text="y = 1").wait_for()
    page.get_by_role("list", name="Files that differ").get_by_role("button", name="train.py").click()
    page.locator("tr.jp-mod-removed", has_text="x = 2").wait_for()
    page.get_by_role("combobox", name="Base").select_option(label="baseline")


def test_data_that_differ_are_shown_and_kept(page: Any) -> None:
    tab(page, "Data")
    assert cells(page, "rows") == [f"1 · {SHAPE}", f"2 · {SHAPE}"]
    assert page.get_by_role("row", name="holdout").count() == 0
    page.get_by_role("checkbox", name="also 1 dataset that is").check()
    assert cells(page, "holdout") == [f"f00 · {SHAPE}"] * 2
    page.get_by_role("checkbox", name="also 1 dataset that is").uncheck()
    assert f"| rows | 1 · {SHAPE} | 2 · {SHAPE} |" in downloaded(page, "Markdown").decode()


def test_packages_that_differ_are_shown_and_kept(page: Any) -> None:
    tab(page, "Packages")
    assert cells(page, "numpy") == ["1.26.0", "2.0.0"]
    assert page.get_by_role("row", name="pandas").count() == 0
    page.get_by_role("checkbox", name="also 2 packages").check()
    assert cells(page, "pandas") == ["2.2.0", "2.2.0"]
    rows = list(csv.reader(io.StringIO(downloaded(page, "CSV").decode("utf-8-sig"))))
    assert [row for row in rows if row[0] == "numpy"] == [["numpy", "1.26.0", "2.0.0"]]


def test_runs_are_added_left_out_deleted_and_live(page: Any, world: Workspace, ids: list[str]) -> None:
    tab(page, "Parameters and metrics")
    before = colors(page)
    live = world.tracking.create_run("compare", "still-running", tags={}, params={"lr": "9"})
    other = world.tracking.create_run("compare", "still-there", tags={}, params={})
    world.tracking.end_run(other.id, "FINISHED")
    page.get_by_role("button", name="Add runs").click()
    box = page.get_by_role("searchbox", name="Search for runs to add")
    box.fill("still-r")
    found = page.get_by_role("list", name="Runs found").get_by_role("button")
    found.filter(has_text="still-running").wait_for()
    found.nth(1).wait_for(state="detached")
    box.press("Enter")  # takes the first one
    page.get_by_role("heading", name="5 runs compared").wait_for()
    box.fill("still")
    found.filter(has_text="still-there").wait_for()
    box.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="6 runs compared").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Leave still-there out").click()
    page.get_by_role("heading", name="5 runs compared").wait_for()
    world.tracking.log(live.id, metrics=[MetricPoint(key="auc", value=0.987, step=0, at_ms=BEGAN_MS)])
    page.get_by_role("row", name=re.compile("^auc")).get_by_text("0.987").wait_for(timeout=5_000)
    page.get_by_role("button", name=f"Leave {KOREAN} out").click()
    page.get_by_role("button", name=f"Leave {NOWHERE} out").click()
    assert colors(page)[:3] == [before[0], *before[2:]], "a run keeps its colour when another one leaves"
    world.tracking.delete_run(ids[2])
    page.get_by_role("button", name=f"Restore {ARABIC}").click()
    page.get_by_role("button", name=f"Restore {ARABIC}").wait_for(state="detached")
    assert not world.tracking.run(ids[2]).deleted
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("The link is copied.").wait_for()
    wanted = ",".join([ids[0], *ids[2:], live.id])
    link = page.evaluate("navigator.clipboard.readText()")
    assert parse_qs(urlsplit(link).query) == {"mlops": [f"compare:{wanted}"]}
    world.tracking.end_run(live.id, "FINISHED")


def test_a_reload_brings_back_what_was_compared_last_and_how(page: Any, tmp_path: Path) -> None:
    tab(page, "Parameters and metrics")
    page.get_by_role("combobox", name="Base").select_option(label=ARABIC)
    page.get_by_role("button", name="auc: higher is better").click()
    tab(page, "Scatter")
    page.get_by_role("combobox", name="Colour").select_option("auc")
    # Lab keeps its state on the server, a moment after the last change of it.
    with page.expect_response(lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT"):
        page.get_by_role("combobox", name="x", exact=True).select_option("val_loss")
    page.reload()
    page.get_by_role("heading", name="4 runs compared").wait_for(timeout=60_000)
    page.get_by_role("figure").or_(page.locator(".jp-Mlops-point")).nth(3).wait_for()
    chosen = {name: page.get_by_role("combobox", name=name, exact=True) for name in ("x", "y", "Colour")}
    assert [box.locator("option:checked").inner_text() for box in chosen.values()] == ["val_loss", "val_loss", "auc"]
    assert page.get_by_role("combobox", name="Base").locator("option:checked").inner_text() == ARABIC
    chosen["Colour"].select_option("")
    image = picture(page)
    is_dark = sum(image.getpixel((2, 2))) < 3 * 60
    assert is_dark == THEMES[1].endswith("Dark"), "the background is the theme's"
    assert all(has(image, color, 100) for color in colors(page))
    tab(page, "Parameters and metrics")
    page.get_by_role("button", name="auc: lower is better").wait_for()
    parts = {"Parameters and metrics": "[role=cell]", "Data": "[role=cell]", "Packages": "[role=cell]", "Code": "tr"}
    assert not faint(page, ".jp-Mlops-compare", parts, tmp_path)


def test_only_what_passes_the_filters_goes_on_to_be_compared(page: Any) -> None:
    tab(page, "Parallel coordinates")
    page.get_by_role("button", name="Axes: 4").wait_for()  # the axes outlived the reload
    page.get_by_role("slider", name="lr: upper end of the filter").press("PageDown")
    page.get_by_text("3 of 4 runs").wait_for()
    page.get_by_role("button", name="Compare only these").click()
    page.get_by_role("heading", name="3 runs compared").wait_for()
    assert page.get_by_role("list", name="Runs compared").get_by_text("still-running").count() == 0
    page.get_by_role("list", name="Runs compared").get_by_role("button", name="baseline").first.click()
    page.locator(".jp-Mlops-main.jp-mod-run").get_by_role("heading", name="baseline").wait_for()


def test_of_more_runs_than_a_page_compares_at_once_all_are_taken_or_the_first_ones(page: Any, ids: list[str]) -> None:
    named = ",".join([*ids, *map(str, range(1000 - len(ids))), "one too many"])
    for button in ("Compare all", "Compare the first 1,000"):
        page.goto(re.sub(r"/lab.*", f"/lab?mlops=compare:{named}", page.url))
        page.get_by_text("1,001 runs are many to be compared at once.").wait_for()
        page.get_by_role("button", name=button).click()
        if button == "Compare all":
            page.get_by_text("There is no run 'one too many'").wait_for()
    page.get_by_role("heading", name="4 runs compared").wait_for()
    page.get_by_role("list", name="Runs compared").get_by_role("listitem").nth(999).wait_for(state="attached")
    assert page.get_by_text("There is no run 'one too many'").count() == 0
