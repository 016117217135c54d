"""Verbs of runs from the palette, and the menus of the sidebar's rows and sections: each entry to its effect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from churn import SCORE
from entries import ADDED_HOST, DELETED_IMAGE, FORMS, HEADS, OLD, RUN, Sent, asked_for
from labs import THEMES
from pages import TAB, choose, confirm, eventually, fill, leave_all, menu, press_of, row, told, use_theme, verb
from playwright.sync_api import expect

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.agentlock import hold
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.service import Change, Deployment, Service
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.delivery.keys import keep_keys
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.training.experiments import list_experiments
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def world(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The workspace of the server's folder, with something of each kind."""
    (lab.folder / "score.py").write_text(SCORE, "utf-8")
    with closing(Workspace.open(lab.folder, create=True)) as world:
        source = tmp_path_factory.mktemp("train")
        (source / "train.py").write_text("print(1)\n", "utf-8")
        origin = {"mlops.file": "train.py", "mlops.snapshot": take_snapshot(world, source).name}
        for n in range(3):
            run = world.tracking.create_run("menus", f"menu-{n}", tags=origin, params={})
            world.tracking.end_run(run.id, "FINISHED")
        for name in ("ant", "owl"):
            run = world.tracking.create_run("forest", name, tags={"draft": "yes"}, params={})
            world.tracking.end_run(run.id, "FINISHED")
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
    register_model(world, str(folder / "weights.bin"), "churn")
    deployment = Deployment(name="m1", manifest=f"{manifest.name}:{manifest.version}")
    before = Change(at=1.0, by="ada", what="deploy m1", host="process", deployments=[deployment])
    service = Service(
        name="churn-eu", host="process", deployments=[deployment], port=49152, state="ready", n_ready=1,
        node=world.node, history=[before],
    )  # fmt: skip
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


def test_runs_are_tagged_by_names_that_are_completed(world: Workspace, page: Any, tmp_path: Path) -> None:
    shown = verb(page, "Tag Runs…")
    runs = shown.get_by_role("combobox", name="Runs")
    runs.click()
    shown.get_by_role("option", name=re.compile("^owl ")).click()
    runs.press("End")
    runs.type(",ant")
    shown.get_by_role("textbox", name="Tag 1").fill("team")
    shown.get_by_role("textbox", name="Value of team").fill("risk")
    shown.get_by_role("button", name="Add a tag").click()
    shown.get_by_role("textbox", name="Tag 2").fill("oops")
    shown.get_by_role("button", name="Remove oops").click()
    shown.get_by_role("textbox", name="Tags to take away").fill("draft")
    page.screenshot(path=tmp_path / "tags.png")
    confirm(page, "Save Tags")
    told(page, "2 runs are tagged.")
    tags = [world.tracking.run(name).tags for name in ("ant", "owl")]
    assert [(one.get("team"), "oops" in one, "draft" in one) for one in tags] == [("risk", False, False)] * 2


def test_what_the_server_refuses_is_said_in_the_form_and_nothing_typed_is_lost(page: Any, tmp_path: Path) -> None:
    shown = verb(page, "Tag Runs…")
    shown.get_by_role("combobox", name="Runs").fill("nobody")
    shown.get_by_role("button", name="Save Tags").click()
    shown.get_by_role("textbox", name="Tag 1").fill("team")
    shown.get_by_role("button", name="Save Tags").click()
    shown.get_by_role("alert").get_by_text("nobody").wait_for()
    page.screenshot(path=tmp_path / "refused.png")
    assert shown.get_by_role("textbox", name="Tag 1").input_value() == "team"
    shown.get_by_role("textbox", name="Tag 1").press("Escape")
    shown.wait_for(state="detached")

    shown = verb(page, "Configure a Service…")  # which is longer than the dialog
    fill(shown, Service="nobody", Requests_scored_together="2")
    shown.get_by_role("button", name="Save").click()
    expect(shown.get_by_role("alert").get_by_text("nobody")).to_be_in_viewport()
    page.keyboard.press("Escape")
    shown.wait_for(state="detached")


def test_deleted_runs_come_back_with_undo(world: Workspace, page: Any) -> None:
    run = world.tracking.create_run("forest", "doomed", tags={}, params={})
    world.tracking.end_run(run.id, "FINISHED")
    verb(page, "Delete Runs…").get_by_role("combobox", name="Runs").fill("doomed")
    confirm(page, "Delete")
    notice = told(page, "1 run is in the trash.")
    assert world.tracking.deleted_run(run.id).deleted
    press_of(notice, "Undo")
    eventually(lambda: not world.tracking.run(run.id).deleted)


def test_runs_are_compared_and_python_that_loads_one_is_copied(world: Workspace, page: Any) -> None:
    verb(page, "Copy Python That Loads a Run…").get_by_role("combobox", name="Run").fill("ant")
    confirm(page, "Copy")
    told(page, "Python is copied")
    assert repr(str(world.tracking.run("ant").id)) in page.evaluate("navigator.clipboard.readText()")
    shown = verb(page, "Compare Runs…")
    shown.get_by_role("combobox", name="Runs").fill("ant")
    shown.get_by_role("button", name="Compare", exact=True).click()
    shown.get_by_text("Name two or more runs.").wait_for()
    shown.get_by_role("combobox", name="Runs").fill("ant, owl")
    confirm(page, "Compare")
    page.locator("[id^='mlops-compare-']").first.wait_for()


def test_an_experiment_is_used_and_archived(world: Workspace, page: Any) -> None:
    verb(page, "Use an Experiment…").get_by_role("combobox", name="Experiment").fill("forest")
    confirm(page, "Use")
    eventually(lambda: world.experiment_in_use() == "forest")
    world.tracking.create_run("stale", "x", tags={}, params={})
    verb(page, "Archive an Experiment…").get_by_role("combobox", name="Experiment").fill("stale")
    confirm(page, "Archive")
    eventually(lambda: "stale" not in {one.name for one in list_experiments(world)})
    press_of(told(page, "The experiment stale is archived."), "Undo")
    eventually(lambda: "stale" in {one.name for one in list_experiments(world)})
    verb(page, "Archive an Experiment…").get_by_role("combobox", name="Experiment").fill("stale")
    confirm(page, "Archive")
    eventually(lambda: "stale" not in {one.name for one in list_experiments(world)})
    verb(page, "Bring an Experiment Back…").get_by_role("combobox", name="Experiment").click()
    page.get_by_role("option", name=re.compile("^stale")).click()
    confirm(page, "Bring Back")
    told(page, "The experiment stale is back.")
    assert "stale" in {one.name for one in list_experiments(world)}


def test_escape_closes_a_form_as_soon_as_it_is_there(page: Any) -> None:
    for _ in range(3):
        choose(page, "Restore a Snapshot…")
        page.locator(".jp-Mlops-dialog").wait_for()
        page.keyboard.press("Escape")
        page.locator(".jp-Mlops-dialog").wait_for(state="detached")


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
    if form.then:
        form.then(page, world)


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
    snapshot = max(world.catalog.find(Snapshot), key=lambda one: one.created_at)
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
    shown = page.locator(".jp-Mlops-main.jp-mod-service:visible")
    for label, part in (("Traffic", "Live"), ("HTTPS", "Access")):
        row(page, "^Service churn-eu").click(button="right")
        menu(page, label)
        shown.get_by_role("tab", name=part, exact=True, selected=True).wait_for()
    for label, part in (("Set the Traffic of a Service…", "Live"), ("Use HTTPS for a Service…", "Access")):
        fill(verb(page, label), Service="churn-eu")
        confirm(page, "Open")
        shown.get_by_role("tab", name=part, exact=True, selected=True).wait_for()
    row(page, "^Host far").click(button="right")
    menu(page, "Check")
    told(page, "The host far does not answer.")
    row(page, "^Snapshot ").first.click(button="right")
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


@pytest.mark.docker
@pytest.mark.ssh
def test_an_image_is_deleted_and_another_machine_becomes_a_host(world: Workspace, page: Any, machine: Any) -> None:
    sections(page, runs=False)
    row(page, "^Manifest churn:1").click()
    page.keyboard.press("ArrowRight")
    row(page, "^Image ").first.click(button="right")
    menu(page, "Test")
    eventually(lambda: asked_for("images.test", image="churn:1")(world))
    row(page, "^Image ").first.click(button="right")
    menu(page, "Delete")
    asked(page, DELETED_IMAGE, set(), world)
    row(page, "^Hosts$").hover()
    page.get_by_role("button", name="Add a host…").click()
    way = {"Name": "near", "URL": machine.url, "ssh_configuration": machine.ssh_config}
    asked(page, replace(ADDED_HOST, fields=way), set(), world)
    row(page, "^Host near").wait_for()
    row(page, "^Host near").click(button="right")
    menu(page, "Remove")
    confirm(page, "Remove")
    row(page, "^Host near").wait_for(state="detached")
    running = [one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"])]
    assert not [words for words in running if machine.ssh_config in words], "its tunnel went with it"
