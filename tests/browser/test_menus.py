"""The menus of the sidebar's rows and sections: each entry, to its effect or to the form that asks for the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import TAB, menu, row, use_theme

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RUN = "^Run menu-1"
FORMS = {  # the row, and what opens from which entry of its menu
    "^Experiment menus": {"Archive": "Archive an Experiment"},
    RUN: {"Reproduce": "Reproduce a Run", "Register as Model": "Register a Model", "Tag": "Tags of menu-1"},
    "^Run going": {"Cancel": "Cancel a Run"},
    "^Model churn": {
        "Deploy": "Deploy a Model", "Set an Alias": "Set an Alias", "Create a Manifest": "Create a Manifest",
        "Delete": "Delete churn",
    },
    "^Version 1": {
        "Deploy": "Deploy a Model", "Set an Alias": "Set an Alias", "Create a Manifest": "Create a Manifest",
        "Delete": "Delete churn:1",
    },
    "^Service churn-eu": {
        "Update": "Update churn-eu", "Add a Deployment": "Add a Deployment to churn-eu", "Roll Back": "Roll churn-eu Back",
        "Scale": "Scale churn-eu", "Configure": "Configure churn-eu", "Regenerate": "Make a new secondary key for churn-eu",
        "Delete": "Delete the Service churn-eu",
    },
    "^Manifest churn:1": {"Build": "Build an Image", "Delete": "Delete the Manifest churn:1"},
    "^Image ": {"Push": "Push the Image churn:1", "Delete": "Delete the Image churn:1"},
    "^Snapshot ": {"Restore": "Restore a Snapshot", "Remove": "Remove Unused Snapshots"},
    "^Host far": {"Add": "Add a Host", "Remove": "Remove the Host far"},
}  # fmt: skip
HEADS = {
    "Experiments": {"Run a file…": "Run as Experiment"},
    "Models": {"Register a model…": "Register a Model"},
    "Services": {"Deploy a model…": "Deploy a Model"},
    "Manifests": {"Create a manifest…": "Create a Manifest"},
    "Snapshots": {"Take a snapshot…": "Take a Snapshot"},
    "Hosts": {"Add a host…": "Add a Host"},
}


@pytest.fixture(scope="module")
def lab(start_lab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("place") / "churn"
    folder.mkdir()
    return start_lab(folder)


@pytest.fixture(scope="module")
def world(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The workspace of the server's folder, with something of each kind."""
    with closing(Workspace.open(lab.folder, create=True)) as world:
        for n in range(3):
            world.tracking.end_run(world.tracking.create_run("menus", f"menu-{n}", tags={}, params={}).id, "FINISHED")
        world.tracking.create_run("menus", "going", tags={}, params={})
        stock(world, tmp_path_factory.mktemp("source"))
        yield world


def stock(world: Workspace, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"weights")
    register_model(world, str(folder / "weights.bin"), "churn")
    script = folder / "score.py"
    script.write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n", "utf-8")
    manifest = create_manifest(world, ["churn"], script=script)
    deployment = Deployment(name="m1", manifest=f"{manifest.name}:{manifest.version}")
    service = Service(name="churn-eu", host="process", deployments=[deployment], port=49152, state="ready", n_ready=1)
    world.catalog.add(service)
    take_snapshot(world, folder)
    world.catalog.add(NamedHost(name="far", url="tcp://127.0.0.1:1"))
    world.catalog.add(Image(name="churn:1", manifest="churn:1", image_id="sha256:00", tag="mlops/churn:1"))
    world.catalog.add(Activity(name="fedcba9876543210", verb="images.build", subject="image c:1", state="running"))


@pytest.fixture(scope="module")
def page(lab: Any, world: Workspace, open_lab: Callable[..., Any]) -> Any:
    assert world.root.is_dir()  # it is there before the page looks for it
    page = open_lab(lab)
    page.get_by_role("tab", name=TAB).click()
    return page


def test_menus_of_rows_do_what_they_say_in_the_workspace(world: Workspace, page: Any) -> None:
    row(page, "^Run menu-0").click(button="right")
    menu(page, "Copy Id")
    holds(page, world.tracking.run("menu-0").id)
    row(page, "^Experiment menus").click()
    page.keyboard.press("Shift+F10")
    menu(page, "Use")
    row(page, "^Experiment menus").get_by_text("in use").wait_for()
    assert world.experiment_in_use() == "menus"
    row(page, "^Run menu-2").click()
    row(page, "^Run menu-1").click(modifiers=["Control"])
    row(page, "^Run menu-1").hover()
    row(page, "^Run menu-1").get_by_role("button", name="More for Run menu-1").click()
    menu(page, "Compare")
    page.locator(".jp-Mlops-main.jp-mod-compare:visible").wait_for()
    row(page, "^Run menu-0").click(button="right")
    menu(page, "Delete")
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete")).click()
    row(page, "^Run menu-0").wait_for(state="detached")
    assert {run.name for run in world.tracking.runs(experiment="menus")} == {"going", "menu-1", "menu-2"}


def asked(page: Any, title: str, seen: set[str]) -> None:
    """Wait for the form, see that everybody can use it, unless that was seen, and leave it with Escape."""
    form = page.get_by_role("dialog", name=title, exact=True)
    form.locator(".jp-Mlops-form").wait_for()
    if title not in seen:
        seen.add(title)
        more = form.get_by_text("More options")
        if more.count():
            more.click()
        faults = Axe().run(page, context=".jp-Mlops-dialog").response["violations"]
        assert not [fault["id"] for fault in faults if fault["impact"] in {"serious", "critical"}], title
    page.keyboard.press("Escape")
    form.wait_for(state="detached")


def holds(page: Any, text: str) -> None:
    """Wait until the clipboard has a text in it."""
    page.wait_for_function("text => navigator.clipboard.readText().then(found => found.includes(text))", arg=text)


def sections(page: Any, *, runs: bool) -> None:
    """Look at runs alone, or at everything else."""
    box = page.get_by_role("combobox", name="Filter")
    box.fill("menus" if runs else "")
    box.blur()  # its list of names covers what is below
    for name in ("Experiments", "Manifests", "Snapshots", "Hosts"):
        head = row(page, f"^{name}$")
        if (head.get_attribute("aria-expanded") == "true") != ((name == "Experiments") == runs):
            head.click()


@pytest.mark.usefixtures("world")
def test_every_verb_of_every_row_and_section_asks_in_a_form_that_everybody_can_use(page: Any) -> None:
    use_theme(page, "JupyterLab Dark")
    seen: set[str] = set()
    for runs in (True, False):
        sections(page, runs=runs)
        if runs:
            row(page, RUN).click()  # alone: a menu is about all that are chosen
        else:
            row(page, "^Model churn").click()
            page.keyboard.press("ArrowRight")
            row(page, "^Manifest churn:1").click()
        for pattern, entries in FORMS.items():
            if runs == pattern.startswith(("^Experiment", "^Run")):
                for label, title in entries.items():
                    row(page, pattern).first.click(button="right")
                    menu(page, label)
                    asked(page, title, seen)
    for name, entries in HEADS.items():
        for label, title in entries.items():
            row(page, f"^{name}$").hover()
            page.get_by_role("button", name=label).click()
            asked(page, title, seen)


def test_links_python_and_ids_are_copied_and_views_opened_from_menus(world: Workspace, page: Any) -> None:
    (snapshot,) = world.catalog.find(Snapshot)
    sections(page, runs=False)
    for pattern, text in (("^Host far", "far"), ("^Snapshot ", snapshot.name), ("^Image ", "mlops/churn:1"),
                          ("^Manifest churn:1", "churn:1"), ("^build image", "fedcba9876543210")):  # fmt: skip
        row(page, pattern).first.click(button="right")
        menu(page, "Copy Id")
        holds(page, text)
    for pattern, kind, subject in (("^Model churn", "model", "churn"), ("^Service churn-eu", "service", "churn-eu")):
        for label, text in (("Copy Id", subject), ("Copy Link", f"mlops={kind}"), ("Copy Python", subject)):
            row(page, pattern).click(button="right")
            menu(page, label)
            holds(page, text)
        row(page, pattern).click(button="right")
        menu(page, "Open")
        page.locator(f".jp-Mlops-main.jp-mod-{kind}:visible").wait_for()
    row(page, "^Host far").click(button="right")
    menu(page, "Check")
    page.locator(".Toastify__toast", has_text="The host far does not answer.").wait_for()
    row(page, "^Snapshot ").click(button="right")
    with page.expect_download() as begun:
        menu(page, "Download")
    assert begun.value.suggested_filename == f"{snapshot.name}.zip"
    sections(page, runs=True)
    run = world.tracking.run("menu-1").id
    for label, text in (("Copy Link", f"mlops=run:{run}"), ("Copy Python", run)):
        row(page, RUN).click(button="right")
        menu(page, label)
        holds(page, text)
    row(page, RUN).click(button="right")
    menu(page, "Open")
    page.locator(".jp-Mlops-main.jp-mod-run:visible").get_by_text("menu-1").first.wait_for()
    page.get_by_role("combobox", name="Filter").fill("")
