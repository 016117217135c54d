"""Cards in a real JupyterLab: live while a cell runs, final in its place, and still there when the notebook is opened again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import nbformat
import pytest
from labs import THEMES
from nbformat.v4 import new_code_cell, new_notebook
from pages import WCAG_AA, copied, eventually, use_theme

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Runs until the test makes a file, so that the card can be looked at meanwhile.
CELL = """%%ml run -n forest -p "C=<script>document.title='broken'</script>"
import pathlib, time
import jupyter_mlops as ml
for n in range(20):
    ml.log({"loss": 1 / (n + 1), "acc": 1 - 1 / (n + 2)})
print("\\r40%|####      | 4/10", end="")
while not pathlib.Path("go").exists():
    time.sleep(0.05)
    ml.log({"loss": 0.01})
import matplotlib.pyplot as plt
plt.plot([3, 1, 2])
ml.log_figure(plt.gcf(), "roc.png")
plt.close()
"""
OTHER = """%%ml run -n tree -p C=2
import jupyter_mlops as ml
ml.log({"acc": 0.5})
"""
CARD = "application/vnd.mlops.run+json"
# What an older notebook may hold: a run that nobody knows, RUNNING for ever, with a name that wants to be markup.
STRANGE = {
    CARD: {
        "workspace": "another",
        "run": {"id": "0" * 32, "name": "<img src=x onerror=\"document.title='broken'\">", "experiment": "old",
                "status": "RUNNING", "started_at": 1000.0, "params": {}},
        "notes": "<script>document.title='broken'</script>\n\n**bold**",
        "trends": [], "link": "javascript:document.title='broken'",
    },
    "text/html": "<p>fallback</p>",
    "text/plain": "fallback",
}  # fmt: skip


class Page(BaseHTTPRequestHandler):
    """Stands at the address of a run in MLflow's own web UI."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>far-away in MLflow</title>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def ui() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/#/experiments/1/runs/{'1' * 32}"
        server.shutdown()


@pytest.fixture(scope="module")
def lab(ui: str, start_lab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("place") / "churn"
    folder.mkdir()
    run = {"id": "1" * 32, "name": "far-away", "experiment": "old", "status": "FINISHED", "started_at": 1000.0}
    far = {CARD: {"workspace": "another", "run": {**run, "params": {}}, "trends": [], "link": ui}}
    strange = new_code_cell("# from elsewhere", outputs=[nbformat.v4.new_output("display_data", STRANGE)])
    nbformat.write(
        new_notebook(
            cells=[
                new_code_cell("%load_ext jupyter_mlops"),
                new_code_cell(CELL),
                strange,
                new_code_cell(OTHER),
                new_code_cell("%ml runs list --order metrics.acc"),
                new_code_cell("# of a server", outputs=[nbformat.v4.new_output("display_data", far)]),
            ],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        ),
        folder / "work.ipynb",
    )
    return start_lab(folder)


@pytest.fixture(scope="module")
def page(lab: Any, open_lab: Callable[..., Any]) -> Any:
    page = open_lab(lab, "lab/tree/work.ipynb")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    return page


def card(page: Any, name: str) -> Any:
    return page.get_by_role("region", name=re.compile(f"^Run {re.escape(name)}"))


def faint(page: Any, labs: Any) -> dict[str, float]:
    """Return the texts of cards without the contrast of WCAG AA, and which they have."""
    contrasts = page.evaluate(labs.CONTRASTS, ".jp-Mlops-runCard")
    assert len(contrasts) > 10
    return {text: ratio for text, ratio in contrasts.items() if ratio < WCAG_AA}


def test_a_card_is_live_while_the_cell_runs_and_final_in_its_place(
    lab: Any, page: Any, tmp_path: Any, labs: Any
) -> None:
    """What follows is done in the second theme."""
    for n in range(2):
        page.locator(".jp-Notebook .jp-Cell").nth(n).click()
        page.keyboard.press("Control+Enter")
    live = card(page, "forest")
    live.get_by_text(re.compile("running · Default · [2-9] s")).wait_for(timeout=60_000)
    live.get_by_role("row", name=re.compile("loss 0.01 .*points, from 0.01 to 1")).wait_for()
    live.get_by_text("40%|####").wait_for()
    page.screenshot(path=tmp_path / "live.png")
    (lab.folder / "go").touch()
    live.get_by_text(re.compile("finished · Default")).wait_for(timeout=30_000)
    assert page.locator(".jp-Mlops-runCard").count() == 3
    assert live.locator("polyline").count() == 2
    live.get_by_title("Show roc.png large").click()
    whole = live.locator(".jp-Mlops-cardFigure.jp-mod-open img")
    page.wait_for_function("document.querySelector('.jp-Mlops-cardFigure.jp-mod-open img').src.startsWith('blob:')")
    assert whole.evaluate("img => img.naturalWidth") > 480
    live.get_by_title("Show roc.png small").click()
    for theme in THEMES:
        use_theme(page, theme)
        page.screenshot(path=tmp_path / f"{theme}.png")
        assert faint(page, labs) == {}


def test_it_copies_the_line_that_loads_the_run_and_its_id(page: Any) -> None:
    card(page, "forest").get_by_role("button", name="Copy the line that loads this run in a notebook").click()
    line = re.fullmatch("run = %ml runs show ([0-9a-f]{32})", copied(page))
    assert line
    card(page, "forest").get_by_role("button", name="Copy the run's id").click()
    eventually(lambda: copied(page) == line[1])


def test_nothing_in_a_card_becomes_markup(page: Any) -> None:
    strange = card(page, "<img")
    strange.get_by_text("running when this was saved · old").wait_for()
    strange.locator("strong", has_text="bold").wait_for()
    assert strange.locator("img, a, script").count() == 0
    assert "broken" not in page.title()


def test_a_run_of_a_tracking_server_opens_in_mlflows_own_ui(ui: str, page: Any) -> None:
    with page.expect_popup() as opened:
        card(page, "far-away").get_by_role("link", name="MLflow").click()
    opened.value.wait_for_load_state()
    assert (opened.value.url, opened.value.title()) == (ui, "far-away in MLflow")
    assert opened.value.evaluate("window.opener") is None  # what it shows cannot reach Lab
    opened.value.close()


def test_runs_are_a_table_to_filter_select_and_compare_in(page: Any, tmp_path: Any) -> None:
    for n in (3, 4):
        page.locator(".jp-Notebook .jp-Cell").nth(n).click()
        page.keyboard.press("Control+Enter")
    filtered = page.get_by_role("searchbox", name="Filter runs")
    filtered.wait_for(timeout=60_000)
    table = page.locator(".jp-Cell").nth(4).locator("table").first
    assert table.get_by_role("checkbox").count() == 2
    names = lambda: [row.split()[1] for row in table.locator("tr").all_inner_texts()[1:]]  # noqa: E731  # it is short
    assert names() == ["forest", "tree"]  # the best first, as was asked
    assert all(row.split("\t")[-1].endswith(("just now", "ago")) for row in table.locator("tr").all_inner_texts()[1:])
    filtered.fill("c=2")
    page.get_by_text("1 of 2 runs").wait_for()
    filtered.fill("")
    table.get_by_role("button", name="acc").click()
    assert names() == ["tree", "forest"]
    for name in ("tree", "forest"):
        table.get_by_label(f"Select {name}").check()
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Parameters that differ").wait_for(timeout=30_000)
    page.get_by_text("2 runs, 2 selected").wait_for()
    page.get_by_text("Parameters that differ").scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "table.png")
    assert "broken" not in page.title()


def test_the_saved_notebook_shows_it_again(lab: Any, page: Any) -> None:
    page.keyboard.press("Control+s")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    saved = nbformat.read(lab.folder / "work.ipynb", as_version=4).cells[1].outputs
    bundles = [one.data for one in saved if CARD in one.get("data", {})]
    assert [json.loads(json.dumps(one))[CARD]["run"]["status"] for one in bundles] == ["FINISHED"]
    page.reload()
    card(page, "forest").get_by_text(re.compile("finished · Default")).wait_for(timeout=60_000)
