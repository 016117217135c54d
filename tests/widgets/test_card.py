"""Cards: whole without a server, bounded, readable where styles are stripped, and harmless whatever a run is called."""

from __future__ import annotations

import base64
import io
import json
import re

import bleach
import nbformat
import pytest
from nbconvert import HTMLExporter

from jupyter_mlops.core.origin import HiddenName
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.training.origin import hidden_tags
from jupyter_mlops.training.runs import show_run
from jupyter_mlops.widgets.card import (
    MIME,
    MOST_CHILDREN,
    MOST_PARAMS,
    MOST_TRENDS,
    bundle,
    detail_card,
    live_card,
    run_card,
)
from jupyter_mlops.widgets.pictures import MOST, MOST_BYTES

EVIL = "<script>alert(1)</script>"
# As GitHub does: the elements of a document without scripts, styles, pictures of its own and drawings.
GITHUB = {"div", "p", "strong", "em", "span", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "img", "br"}


@pytest.fixture
def run(workspace):
    """A run with a curve, an evil name everywhere one can be given, notes, warnings and hidden state."""
    tracking = workspace.tracking
    tracking.experiment(EVIL, create=True)
    tags = {
        "mlflow.note.content": f"# Notes\n{EVIL}",
        **hidden_tags([HiddenName(variable="X", cause="changed", text=f"`{EVIL}` was defined by a cell that is gone")]),
        "mlops.snapshot.warnings": f"{EVIL} is a socket",
        "mlops.notebook": str(workspace.home / f"{EVIL[1:-10]}.ipynb"),
        "mlops.git.commit": "a" * 40,
        "mlops.git.branch": EVIL,
        "mlops.git.dirty": "true",
        EVIL.replace("<", "_").replace(">", "_").replace("(", "_").replace(")", "_"): EVIL,
    }
    made = tracking.create_run(EVIL, EVIL, tags=tags, params={"C": EVIL}, parent=None)
    points = [MetricPoint(key="loss", value=1 / (n + 1), step=n, at_ms=n) for n in range(50)]
    tracking.log(made.id, metrics=[*points, MetricPoint(key="auc", value=0.97, step=0, at_ms=0)])
    return tracking.run(made.id)


def png(tmp_path, name="roc.png", size=(1600, 1200)):
    from PIL import Image

    path = tmp_path / name
    Image.effect_noise(size, 90).save(path)
    return path


def test_a_card_says_what_was_given_measured_and_where_it_came_from(workspace, run):
    shown = bundle(run_card(workspace, run))
    assert set(shown) == {MIME, "text/html", "text/plain"}
    for text in (shown["text/plain"], shown["text/html"]):
        for said in (run.id[:8], "0.97", "0.02", "Not reproducible from top to bottom", "aaaaaaaaaaaa", "with changes"):
            assert said in text
        assert "%ml runs show" in text
    assert re.search("[▁▂▃▄▅▆▇█]{20}", shown["text/plain"])
    assert "<polyline points=" in shown["text/html"]
    json.dumps(shown[MIME])


def test_nothing_that_a_run_is_called_becomes_markup(workspace, run):
    html = bundle(detail_card(workspace, show_run(workspace, run.id)))["text/html"]
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 6


def test_a_viewer_that_strips_styles_and_drawings_shows_plain_tables(workspace, run):
    html = bundle(run_card(workspace, run))["text/html"]
    stripped = bleach.clean(html, tags=GITHUB, attributes={"img": ["src", "alt"]}, strip=True)
    assert "style=" not in stripped
    assert "polyline" not in stripped
    assert "<th>LOWEST</th>" in stripped
    assert re.search(
        r"<td>loss</td><td>0.02</td><td>0.02</td><td>1</td><td><span>█[▁▂▃▄▅▆▇█]{19}</span></td>", stripped
    )


def test_colours_are_the_themes_with_others_to_fall_back_on(workspace, run):
    html = bundle(run_card(workspace, run))["text/html"]
    for part in html.split("var(")[1:]:
        name, comma, _ = part.partition(",")
        assert name.startswith("--jp-")
        assert comma


def test_the_card_of_a_run_that_is_looked_up_names_its_children_its_data_and_what_it_stored(workspace, run):
    tracking = workspace.tracking
    for n in range(MOST_CHILDREN + 1):
        child = tracking.create_run(EVIL, f"fold-{n}", params={}, tags={}, parent=run.id)
        tracking.log(child.id, metrics=[MetricPoint(key="auc", value=n / 100, step=0, at_ms=n)])
        tracking.end_run(child.id, "FINISHED")
    tracking.write(run.id, b"1,2", "rows.csv")
    shown = bundle(detail_card(workspace, show_run(workspace, run.id)))
    assert [one["name"] for one in shown[MIME]["children"][:2]] == ["fold-0", "fold-1"]
    for text in (shown["text/plain"], shown["text/html"]):
        for said in ("Children", "fold-1", "auc=0.01", "and 1 more", "rows.csv"):
            assert said in text
    ended = run_card(workspace, run)
    assert [one.name for one in ended.children[:2]] == ["fold-0", "fold-1"], "as does the card of a cell that ended"
    assert (len(ended.children), ended.n_more_children) == (MOST_CHILDREN, 1)


def test_nbconvert_shows_it_in_a_page(workspace, run):
    output = nbformat.v4.new_output("display_data", bundle(run_card(workspace, run)))
    cell = nbformat.v4.new_code_cell("%%ml run", outputs=[output])
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert 'class="mlops-view"' in page
    assert EVIL not in page


def test_figures_are_small_pictures_and_the_rest_is_named(workspace, run, tmp_path):
    for n in range(MOST + 2):
        workspace.tracking.store(run.id, png(tmp_path), "figures", name=f"f{n}.png")
    (tmp_path / "evil.svg").write_text(f"<svg xmlns='http://www.w3.org/2000/svg'>{EVIL}</svg>")
    (tmp_path / "no.png").write_text("no picture")
    for name in ("evil.svg", "no.png"):
        workspace.tracking.store(run.id, tmp_path / name, "figures", name=f"a-{name}")
    card = run_card(workspace, run)
    by_name = {one.path: one.address for one in card.pictures}
    assert by_name["figures/a-no.png"] == ""
    assert by_name["figures/a-evil.svg"].startswith("data:image/svg+xml;base64,")
    assert len(card.pictures) == MOST + 4
    assert sum(bool(address) for address in by_name.values()) <= MOST
    for address in filter(None, by_name.values()):
        assert len(base64.b64decode(address.partition(",")[2])) <= MOST_BYTES
    html = bundle(card)["text/html"]
    assert "<script" not in html  # only ever in a picture, where nothing executes
    assert f"figures/f{MOST + 1}.png" in html


def test_a_figure_that_was_logged_and_displayed_is_shown_once_by_its_name(workspace, run, tmp_path):
    same, other = png(tmp_path, size=(40, 30)), png(tmp_path, "other.png", size=(30, 40))
    for name in ("figure-1.png", "roc.png"):
        workspace.tracking.store(run.id, same, "figures", name=name)
    workspace.tracking.store(run.id, other, "figures", name="figure-2.png")
    assert [one.path for one in run_card(workspace, run).pictures] == ["figures/roc.png", "figures/figure-2.png"]


def test_a_thumbnail_keeps_its_transparency(tmp_path):
    from PIL import Image

    from jupyter_mlops.widgets.pictures import thumbnail

    path = tmp_path / "clear.png"
    Image.new("RGBA", (900, 900), (0, 0, 0, 0)).save(path)
    data, kind = thumbnail(path)
    small = Image.open(io.BytesIO(data))
    assert (kind, small.mode, small.size) == ("png", "RGBA", (360, 360))


def test_a_card_stays_small_whatever_was_logged(workspace):
    tracking = workspace.tracking
    tracking.experiment("big", create=True)
    params = {f"p{n:03}": "x" * 5000 for n in range(200)}
    made = tracking.create_run("big", "big", params=params, tags={}, parent=None)
    points = [MetricPoint(key=f"m{n:03}", value=n + k, step=k, at_ms=k) for n in range(60) for k in range(200)]
    tracking.log(made.id, metrics=points)
    shown = bundle(run_card(workspace, tracking.run(made.id)))
    assert len(shown[MIME]["run"]["params"]) == MOST_PARAMS
    assert len(shown[MIME]["trends"]) == MOST_TRENDS
    assert shown[MIME]["n_more"] == 60 - MOST_TRENDS
    assert "and 30 more metrics" in shown["text/plain"]
    assert sum(len(json.dumps(value)) for value in shown.values()) < 300_000


def test_a_saved_card_has_no_path_of_this_machine(workspace, run):
    shown = json.dumps(bundle(run_card(workspace, run)))
    assert str(workspace.home) not in shown


def test_a_live_card_asks_nobody(workspace, run, monkeypatch):
    monkeypatch.setattr(type(workspace), "tracking", property(lambda _: pytest.fail("asked MLflow")))
    assert live_card(workspace, run, [], None).run.name == EVIL
