"""The menus of the sidebar's rows and sections: each entry, to its effect or to the form that asks for the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from churn import SCORE
from labs import THEMES
from pages import TAB, confirm, eventually, fill, leave_all, menu, row, told, use_theme

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.agentlock import hold
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.delivery.keys import fresh_keys, keep_keys, read_keys
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model, show_model
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.training.experiments import list_experiments
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RUN = "^Run menu-1"


@dataclass(frozen=True)
class Sent:
    """A form that is filled in and sent, and what holds in the workspace then."""

    title: str
    accept: str
    effect: Callable[[Workspace], Any]
    fields: dict[str, str] = field(default_factory=dict)
    before: str = ""
    """A button of the form that comes first."""


def asked_for(verb: str, **args: Any) -> Callable[[Workspace], bool]:
    """Whether the agent is asked for it, which no agent takes up here."""
    return lambda world: any(
        one.verb == verb and args.items() <= one.args.items() for one in world.catalog.find(Activity)
    )


def churn_eu(world: Workspace) -> Service:
    return world.catalog.get(Service, "churn-eu")


def manifests(world: Workspace) -> set[str]:
    return {one.ref for one in world.catalog.find(Manifest)}


# The row, and what opens from which entry of its menu: sent where a field or two will do, else left with Escape.
FORMS: dict[str, dict[str, str | Sent]] = {
    "^Experiment menus-old": {
        "Archive": Sent("Archive an Experiment", "Archive", lambda w: "menus-old" not in {e.name for e in list_experiments(w)}),
    },
    RUN: {
        "Reproduce": "Reproduce a Run",
        "Tag": Sent(
            "Tags of menu-1", "Save Tags", lambda w: w.tracking.run("menu-1").tags.get("team") == "risk",
            {"Tag_1": "team", "Value_of_team": "risk"}, before="Add a tag",
        ),
        "Register as Model": Sent(
            "Register a Model", "Register", lambda w: "from-menu" in {one.name for one in w.tracking.models()},
            {"Model": "from-menu", "Which_of_its_models": "model.bin"},
        ),
    },
    "^Run going": {"Cancel": Sent("Cancel a Run", "Cancel Run", lambda w: w.tracking.run("going").status == "KILLED")},
    "^Model from-menu": {
        "Delete": Sent("Delete from-menu", "Delete", lambda w: [one.name for one in w.tracking.models()] == ["churn"]),
    },
    "^Model churn": {
        "Deploy": Sent(
            "Deploy a Model", "Deploy", asked_for("services.deploy", service="from-menu", manifest="churn:1"),
            {"Service": "from-menu", "Manifest": "churn:1"},
        ),
        "Set an Alias": Sent(
            "Set an Alias", "Set Alias", lambda w: show_model(w, "churn").aliases == {"best": 1},
            {"Alias": "best", "Version": "1"},
        ),
        "Create a Manifest": "Create a Manifest",
        "Delete": "Delete churn",
    },
    "^Version 1": {
        "Deploy": "Deploy a Model",
        "Set an Alias": Sent(
            "Set an Alias", "Set Alias", lambda w: show_model(w, "churn").aliases == {"best": 1, "live": 1},
            {"Alias": "live"},
        ),
        "Create a Manifest": Sent(
            "Create a Manifest", "Create", lambda w: "second:1" in manifests(w),
            {"Name": "second", "Scoring_script": "score.py"},
        ),
        "Delete": "Delete churn:1",
    },
    "^Service churn-eu": {
        "Configure": Sent(
            "Configure churn-eu", "Save", lambda w: churn_eu(w).limits.max_queue == 50,
            {"Requests_waiting_beyond_those": "50"},
        ),
        "Scale": Sent(
            "Scale churn-eu", "Scale", lambda w: churn_eu(w).deployments[0].replicas == 2, {"How_many": "2"}
        ),
        "Regenerate": Sent(
            "Make a new secondary key for churn-eu", "Regenerate", lambda w: read_keys(w, "churn-eu").secondary != OLD.secondary
        ),
        "Roll Back": "Roll churn-eu Back",
        "Add a Deployment": Sent(
            "Add a Deployment to churn-eu", "Add", asked_for("services.deploy", service="churn-eu", deployment="red"),
            {"Deployment": "red", "Model": "churn", "Traffic": "0", "Manifest": "churn:1"},
        ),
        "Update": Sent(
            "Update churn-eu", "Update", asked_for("services.update", service="churn-eu", manifest="churn:1"),
            {"Model": "churn", "Manifest": "churn:1"},
        ),
        "Delete": Sent("Delete the Service churn-eu", "Delete", asked_for("services.delete", service="churn-eu")),
    },
    "^Manifest second:1": {
        "Build": "Build an Image",
        "Delete": Sent("Delete the Manifest second:1", "Delete", lambda w: manifests(w) == {"churn:1"}),
    },
    "^Image ": {
        "Push": Sent(
            "Push the Image churn:1", "Push", asked_for("images.push", image="churn:1", target="127.0.0.1:1/churn:1"),
            {"Where_to": "127.0.0.1:1/churn:1"},
        ),
        "Delete": "Delete the Image churn:1",
    },
    "^Snapshot ": {
        "Restore": "Restore a Snapshot",
        "Remove": Sent("Remove Unused Snapshots", "Remove", lambda w: not w.catalog.find(Snapshot)),
    },
    "^Host far": {
        "Add": "Add a Host",
        "Remove": Sent("Remove the Host far", "Remove", lambda w: not w.catalog.find(NamedHost)),
    },
}  # fmt: skip
HEADS: dict[str, dict[str, str | Sent]] = {
    "Experiments": {"Run a file…": "Run as Experiment"},
    "Models": {"Register a model…": "Register a Model"},
    "Services": {
        "Deploy a model…": Sent(
            "Deploy a Model", "Deploy", asked_for("services.deploy", service="from-head", manifest="churn:1"),
            {"Model": "churn", "Service": "from-head", "Manifest": "churn:1"},
        ),
    },
    "Manifests": {"Create a manifest…": "Create a Manifest"},
    "Snapshots": {"Take a snapshot…": Sent("Take a Snapshot", "Take Snapshot", lambda w: w.catalog.find(Snapshot))},
    "Hosts": {"Add a host…": "Add a Host"},
}  # fmt: skip
OLD = fresh_keys()


@pytest.fixture(scope="module")
def world(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The workspace of the server's folder, with something of each kind."""
    (lab.folder / "score.py").write_text(SCORE, "utf-8")
    with closing(Workspace.open(lab.folder, create=True)) as world:
        for n in range(3):
            world.tracking.end_run(world.tracking.create_run("menus", f"menu-{n}", tags={}, params={}).id, "FINISHED")
        world.tracking.create_run("menus", "going", tags={}, params={})
        world.tracking.create_run("menus-old", "gone", tags={}, params={})
        world.tracking.write(world.tracking.run("menu-1").id, b"weights", "model.bin")
        stock(world, tmp_path_factory.mktemp("source"))
        # The agent's lock is held here, so that what is asked of the agent stays to be seen.
        with hold(world.root) as holder:
            assert holder
            yield world


def stock(world: Workspace, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"weights")
    register_model(world, str(folder / "weights.bin"), "churn")
    script = folder / "score.py"
    script.write_text(SCORE, "utf-8")
    manifest = create_manifest(world, ["churn"], script=script)
    deployment = Deployment(name="m1", manifest=f"{manifest.name}:{manifest.version}")
    service = Service(
        name="churn-eu", host="process", deployments=[deployment], port=49152, state="ready", n_ready=1, node=world.node
    )
    world.catalog.add(service)
    keep_keys(world, service.name, OLD)
    take_snapshot(world, folder)
    world.catalog.add(NamedHost(name="far", url="tcp://127.0.0.1:1"))
    world.catalog.add(Image(name="churn:1", manifest="churn:1", image_id="sha256:00", tag="mlops/churn:1"))
    world.catalog.add(Activity(name="fedcba9876543210", verb="images.build", subject="image c:1", state="running"))


@pytest.fixture(scope="module")
def page(lab: Any, world: Workspace, open_lab: Callable[..., Any]) -> Any:
    assert world.root.is_dir()  # it is there before the page looks for it
    page = open_lab(lab, height=1200)
    page.get_by_role("tab", name=TAB).click()
    return page


@pytest.fixture(autouse=True)
def _nothing_is_open(page: Any) -> None:
    leave_all(page)


def test_menus_of_rows_do_what_they_say_in_the_workspace(world: Workspace, page: Any) -> None:
    row(page, "^Run menu-0").click(button="right")
    menu(page, "Copy Id")
    holds(page, world.tracking.run("menu-0").id)
    row(page, "^Experiment menus,").click()
    page.keyboard.press("Shift+F10")
    menu(page, "Use")
    row(page, "^Experiment menus,").get_by_text("in use").wait_for()
    assert world.experiment_in_use() == "menus"
    row(page, "^Run menu-2").click()
    row(page, "^Run menu-1").click(modifiers=["Control"])
    row(page, "^Run menu-1").hover()
    more = row(page, "^Run menu-1").get_by_role("button", name="More for Run menu-1")
    more.click()
    menu(page, "Copy Link")
    holds(page, "mlops=compare")
    more.click()
    menu(page, "Compare")
    page.locator(".jp-Mlops-main.jp-mod-compare:visible").wait_for()
    row(page, "^Run menu-0").click(button="right")
    menu(page, "Delete")
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete")).click()
    row(page, "^Run menu-0").wait_for(state="detached")
    assert {run.name for run in world.tracking.runs(experiment="menus")} == {"going", "menu-1", "menu-2"}


def asked(page: Any, form: str | Sent, seen: set[str], world: Workspace) -> None:
    """Wait for the form, see that everybody can use it, unless that was seen, and send it or leave it with Escape."""
    title = form if isinstance(form, str) else form.title
    dialog = page.get_by_role("dialog", name=title, exact=True)
    dialog.locator(".jp-Mlops-form").wait_for()
    if title not in seen:
        seen.add(title)
        more = dialog.get_by_text("More options")
        if more.count():
            more.click()
        faults = Axe().run(page, context=".jp-Mlops-dialog").response["violations"]
        assert not [fault["id"] for fault in faults if fault["impact"] in {"serious", "critical"}], title
    if isinstance(form, str):
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
        return
    if form.before:
        dialog.get_by_role("button", name=form.before).click()
    fill(dialog, **form.fields)
    confirm(page, form.accept)
    eventually(lambda: form.effect(world))


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


def test_links_python_and_ids_are_copied_and_views_opened_from_menus(world: Workspace, page: Any) -> None:
    (snapshot,) = world.catalog.find(Snapshot)
    sections(page, runs=False)
    for pattern in ("^Model churn", "^Manifest churn:1"):
        row(page, pattern).click()
        page.keyboard.press("ArrowRight")
    for pattern, text in (("^Host far", "far"), ("^Snapshot ", snapshot.name), ("^Image ", "mlops/churn:1"),
                          ("^Manifest churn:1", "churn:1"), ("^build image", "fedcba9876543210")):  # fmt: skip
        row(page, pattern).first.click(button="right")
        menu(page, "Copy Id")
        holds(page, text)
    for pattern, kind, subject in (("^Model churn", "model", "churn"), ("^Version 1", "model", "churn:1"),
                                   ("^Service churn-eu", "service", "churn-eu")):  # fmt: skip
        for label, text in (("Copy Id", subject), ("Copy Link", f"mlops={kind}"), ("Copy Python", subject)):
            row(page, pattern).click(button="right")
            menu(page, label)
            holds(page, text)
        row(page, pattern).click(button="right")
        menu(page, "Open")
        page.get_by_role("tab", name=subject, exact=True, selected=True).wait_for()
    row(page, "^Host far").click(button="right")
    menu(page, "Check")
    told(page, "The host far does not answer.")
    row(page, "^Snapshot ").click(button="right")
    with page.expect_download() as begun:
        menu(page, "Download")
    assert begun.value.suggested_filename == f"{snapshot.name}.zip"
    sections(page, runs=True)
    run = world.tracking.run("menu-1").id
    for pattern, label, text in ((RUN, "Copy Link", f"mlops=run%3A{run}"), (RUN, "Copy Python", run),
                                 ("^Experiment menus,", "Copy Link", "mlops=experiment%3Amenus")):  # fmt: skip
        row(page, pattern).click(button="right")
        menu(page, label)
        holds(page, text)
    row(page, "^Experiment menus,").click(button="right")
    menu(page, "Open")
    page.locator(".jp-Mlops-main.jp-mod-experiment:visible").wait_for()
    row(page, RUN).click(button="right")
    menu(page, "Open")
    page.locator(".jp-Mlops-main.jp-mod-run:visible").get_by_text("menu-1").first.wait_for()
    page.get_by_role("combobox", name="Filter").fill("")


def test_every_verb_of_every_row_and_section_asks_in_a_form_that_everybody_can_use(world: Workspace, page: Any) -> None:
    """And what is sent holds in the workspace."""
    seen: set[str] = set()
    for runs in (True, False):
        sections(page, runs=runs)
        if runs:
            row(page, RUN).click()  # alone: a menu is about all that are chosen
        else:
            use_theme(page, THEMES[1])
        for pattern, entries in FORMS.items():
            if runs == pattern.startswith(("^Experiment", "^Run")):
                for label, form in entries.items():
                    row(page, pattern).first.click(button="right")
                    menu(page, label)
                    asked(page, form, seen, world)
    for name, entries in HEADS.items():
        for label, title in entries.items():
            row(page, f"^{name}$").hover()
            page.get_by_role("button", name=label).click()
            asked(page, title, seen, world)
