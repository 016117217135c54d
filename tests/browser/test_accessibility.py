"""Everybody can use the lab: axe-core finds no serious fault in any part of it, in any of JupyterLab's themes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from labs import THEMES
from pages import TAB, use_theme

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.training.runs import log_metrics
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ALL_THEMES = [*THEMES, "JupyterLab Dark High Contrast"]
FORMS = ["Deploy a Model…", "Scale a Service…", "Run a Script or Notebook as Experiment…"]
SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture(scope="module")
def subjects(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One of each kind, and a name that is long and one that is written from right to left."""
    with closing(Workspace.open(lab.folder, create=True)) as world:
        runs = []
        for n, name in enumerate(("brave-owl", "غابة-عشوائية", "n" * 10_000)):
            run = world.tracking.create_run(
                "forest", name, tags={"team": "risk"}, params={"C": str(n), "kernel": "rbf"}
            )
            log_metrics(world, run.id, {"auc": 0.9 + n / 100, "loss": float("nan")})
            world.tracking.end_run(run.id, "FINISHED" if n else "FAILED", reason="" if n else "ValueError: no rows")
            runs.append(run.id)
        made = tmp_path_factory.mktemp("made")
        (made / "weights.bin").write_bytes(b"weights")
        (made / "score.py").write_text(SCRIPT, "utf-8")
        register_model(world, str(made / "weights.bin"), "churn")
        manifest = create_manifest(world, ["churn"], script=made / "score.py")
        deployment = Deployment(name="blue", manifest=f"{manifest.name}:{manifest.version}")
        world.catalog.add(
            Service(name="churn", host="process", deployments=[deployment], port=49153, state="failed", message="No.")
        )
        world.catalog.add(
            Activity(
                name="0123456789abcdef", verb="services.deploy", subject="service churn", state="running", progress=0.4
            )
        )
        yield {
            "run": runs[0],
            "compare": ",".join(runs),
            "experiment": "forest",
            "model": "churn",
            "service": "churn",
        }


@pytest.fixture(scope="module")
def page(lab: Any, subjects: dict[str, str], open_lab: Callable[..., Any]) -> Any:  # noqa: ARG001  # made before
    page = open_lab(lab, width=1500, height=1000)
    page.get_by_role("tab", name=TAB).click()
    page.get_by_role("heading", name="churn", exact=True).first.wait_for()
    return page


def faults(page: Any, root: str, **options: Any) -> list[str]:
    """Return what axe-core calls serious or worse in a part of the page, with where."""
    answer = Axe().run(page, context=root, options=options).response
    assert answer["passes"], f"nothing of {root} was looked at"
    found = answer["violations"]
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def faint(page: Any, labs: Any, root: str) -> dict[str, float]:
    """Return the texts that are fainter than Lab's own faintest, with their contrast. axe-core takes a dock panel for invisible."""
    contrasts = page.evaluate(labs.CONTRASTS, root)
    assert len(contrasts) > 3, f"nothing of {root} was looked at"
    return {
        text[:80]: ratio for text, ratio in contrasts.items() if ratio < 4.2
    }  # Lab's own second colour on a chosen row


def show(page: Any, lab: Any, kind: str, subject: str) -> None:
    """Bring a view to the front; the first time by its link."""
    widget = page.locator(f".jp-MainAreaWidget:has(> .jp-Mlops-main.jp-mod-{kind})")
    if widget.count():
        page.locator(f".lm-DockPanel-tabBar li[data-id='{widget.get_attribute('id')}']").click()
    else:
        page.goto(f"{lab.url}lab?mlops={kind}%3A{subject}")
        page.locator("#jupyterlab-splash").wait_for(state="detached")
    page.locator(f".jp-Mlops-main.jp-mod-{kind} h1").first.wait_for()


def tabs(page: Any, kind: str) -> list[Any]:
    return list(page.locator(f".jp-Mlops-main.jp-mod-{kind} [role=tablist]").first.get_by_role("tab").all())


@pytest.mark.parametrize("kind", ["run", "compare", "experiment", "model", "service"])
def test_each_view_and_each_of_its_tabs_is_for_everybody(
    kind: str, lab: Any, subjects: dict[str, str], page: Any
) -> None:
    show(page, lab, kind, subjects[kind])
    found = {}
    for tab in tabs(page, kind) or [None]:
        name = "" if tab is None else tab.inner_text()
        if tab is not None:
            tab.click()
        settle(page, kind)
        found[name] = faults(page, f".jp-Mlops-main.jp-mod-{kind}")
    assert not {name: some for name, some in found.items() if some}


def settle(page: Any, kind: str) -> None:
    """Wait until a view, or the tab of it that was just chosen, is drawn and waits for nothing any more."""
    page.wait_for_function(
        """root => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
          () => done(document.querySelector(root) && !document.querySelector(`${root} [aria-busy=true]`)))))""",
        arg=f".jp-Mlops-main.jp-mod-{kind}",
    )


def show_sidebar(page: Any) -> None:
    if not page.locator(".jp-Mlops-tab").is_visible():
        page.get_by_role("tab", name=TAB).click()
    page.get_by_role("heading", name="churn", exact=True).first.wait_for()


def test_the_sidebar_is_for_everybody(page: Any) -> None:
    show_sidebar(page)
    folded = page.locator(".jp-Mlops-tab [role=treeitem][aria-level='1'][aria-expanded=false]")
    while folded.count():
        folded.first.click()
    assert page.locator(".jp-Mlops-tab [role=treeitem][aria-level='1'][aria-expanded=true]").count() > 5
    assert faults(page, ".jp-Mlops-tab") == []


@pytest.mark.parametrize("theme", ALL_THEMES)
def test_every_text_can_be_read_in_every_theme(
    theme: str, lab: Any, subjects: dict[str, str], page: Any, labs: Any
) -> None:
    use_theme(page, theme)
    show_sidebar(page)
    found = {"sidebar": faint(page, labs, ".jp-Mlops-tab")}
    for form in FORMS:
        found[form] = faint(page, labs, shown_form(page, form))
        page.keyboard.press("Escape")
    for kind in ("run", "experiment", "model", "service", "compare"):
        show(page, lab, kind, subjects[kind])
        settle(page, kind)
        found[kind] = faint(page, labs, f".jp-Mlops-main.jp-mod-{kind}")
    assert not {name: some for name, some in found.items() if some}


def shown_form(page: Any, label: str) -> str:
    """Open a verb's form by the palette, all by keyboard; return where it is."""
    page.keyboard.press("Control+Shift+C")
    page.keyboard.type(label)
    page.locator(".lm-CommandPalette-item.lm-mod-active", has_text=label).wait_for()
    page.keyboard.press("Enter")
    page.locator(".jp-Dialog .jp-Mlops-form").first.wait_for()
    return ".jp-Dialog"


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_for_everybody_and_gives_the_focus_back(form: str, page: Any) -> None:
    assert faults(page, shown_form(page, form)) == []
    page.keyboard.press("Escape")
    page.locator(".jp-Dialog").wait_for(state="detached")
