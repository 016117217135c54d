"""Every verb by mouse or palette: a form asks for what it needs, and the workspace shows the effect."""

from __future__ import annotations

import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.agent.control import agent_status
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Service
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.delivery.keys import read_keys
from jupyter_mlops.delivery.models import show_model
from jupyter_mlops.training.experiments import list_experiments
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture(scope="module")
def lab(start_lab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("place") / "churn"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "train.py").write_text("print(1)\n", "utf-8")
    (folder / "weights.bin").write_bytes(b"weights")
    (folder / "score.py").write_text(SCORE, "utf-8")
    (folder / "sample.json").write_text('{"data": [[1.0]]}', "utf-8")
    return start_lab(folder, theme="JupyterLab Light")


@pytest.fixture(scope="module")
def world(lab: Any, end_agents: Callable[[Workspace], None]) -> Iterator[Workspace]:
    world = Workspace.open(lab.folder, create=True)
    for name in ("a", "b"):
        run = world.tracking.create_run("forest", name, tags={"draft": "yes"}, params={})
        world.tracking.end_run(run.id, "FINISHED")
    yield world
    end_agents(world)
    world.close()


@pytest.fixture(scope="module")
def page(lab: Any, world: Workspace, open_lab: Callable[..., Any]) -> Any:
    assert world.root.is_dir()  # it is there before the page looks for it
    page = open_lab(lab)
    page.set_default_timeout(15_000)
    return page


def verb(page: Any, label: str) -> Any:
    """Choose a command in the palette; return its form."""
    choose(page, label)
    return form(page)


def choose(page: Any, label: str) -> None:
    from playwright.sync_api import TimeoutError as Late

    page.locator("#jupyterlab-splash").wait_for(state="detached")
    palette = page.locator(".lm-CommandPalette-input")
    for _ in range(10):
        page.keyboard.press("Control+Shift+C")
        try:  # Lab takes shortcuts a moment after it is drawn, and hides the palette when something else takes the focus
            palette.fill(label, timeout=2000)
            page.locator(".lm-CommandPalette-item", has_text=label).first.click(timeout=2000)
        except Late:
            continue
        return
    raise AssertionError(f"the palette did not stay open for {label}")


def form(page: Any) -> Any:
    shown = page.locator(".jp-Mlops-dialog")
    shown.locator(".jp-Mlops-form").wait_for()
    # The palette gives the focus back as it closes; the dialog takes it again.
    page.locator(".lm-CommandPalette").first.wait_for(state="hidden")
    page.wait_for_function("document.querySelector('.jp-Mlops-dialog').contains(document.activeElement)")
    return shown


def send(page: Any, name: str) -> None:
    """Press the button of a form, and wait until the server has taken it."""
    page.locator(".jp-Mlops-dialog").get_by_role("button", name=name, exact=True).click()
    page.locator(".jp-Mlops-dialog").wait_for(state="detached")


def told(page: Any, text: str) -> Any:
    """Wait for a notification that says so."""
    found = page.locator(".Toastify__toast", has_text=text).last
    found.wait_for(timeout=30_000)
    return found


def test_runs_are_tagged_by_names_that_are_completed(world: Workspace, page: Any, tmp_path: Path) -> None:
    shown = verb(page, "Tag Runs…")
    runs = shown.get_by_role("combobox", name="Runs")
    runs.click()
    shown.get_by_role("option", name=re.compile("^b ")).click()
    runs.press("End")
    runs.type(",a")
    shown.get_by_role("textbox", name="Tag 1").fill("team")
    shown.get_by_role("textbox", name="Value of team").fill("risk")
    shown.get_by_role("textbox", name="Tags to take away").fill("draft")
    page.screenshot(path=tmp_path / "tags.png")
    send(page, "Save Tags")
    told(page, "2 runs are tagged.")
    tags = [world.tracking.run(name).tags for name in ("a", "b")]
    assert [(one.get("team"), "draft" in one) for one in tags] == [("risk", False)] * 2


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


def test_deleted_runs_come_back_with_undo(world: Workspace, page: Any) -> None:
    run = world.tracking.create_run("forest", "doomed", tags={}, params={})
    world.tracking.end_run(run.id, "FINISHED")
    verb(page, "Delete Runs…").get_by_role("combobox", name="Runs").fill("doomed")
    send(page, "Delete")
    notice = told(page, "1 run is in the trash.")
    assert world.tracking.deleted_run(run.id).deleted
    notice.get_by_role("button", name="Undo").click()
    until(lambda: not world.tracking.run(run.id).deleted)


def until(holds: Callable[[], Any], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def test_runs_are_compared_and_python_that_loads_one_is_copied(world: Workspace, page: Any) -> None:
    verb(page, "Copy Python That Loads a Run…").get_by_role("combobox", name="Run").fill("a")
    send(page, "Copy")
    told(page, "Python is copied")
    assert repr(str(world.tracking.run("a").id)) in page.evaluate("navigator.clipboard.readText()")
    shown = verb(page, "Compare Runs…")
    shown.get_by_role("combobox", name="Runs").fill("a")
    shown.get_by_role("button", name="Compare", exact=True).click()
    shown.get_by_text("Name two or more runs.").wait_for()
    shown.get_by_role("combobox", name="Runs").fill("a, b")
    send(page, "Compare")
    page.locator("[id^='mlops-compare-']").first.wait_for()


def test_an_experiment_is_used_and_archived(world: Workspace, page: Any) -> None:
    verb(page, "Use an Experiment…").get_by_role("combobox", name="Experiment").fill("forest")
    send(page, "Use")
    until(lambda: world.experiment_in_use() == "forest")
    world.tracking.create_run("old", "x", tags={}, params={})
    verb(page, "Archive an Experiment…").get_by_role("combobox", name="Experiment").fill("old")
    send(page, "Archive")
    until(lambda: "old" not in {one.name for one in list_experiments(world)})
    told(page, "The experiment old is archived.").get_by_role("button", name="Undo").click()
    until(lambda: "old" in {one.name for one in list_experiments(world)})
    verb(page, "Archive an Experiment…").get_by_role("combobox", name="Experiment").fill("old")
    send(page, "Archive")
    until(lambda: "old" not in {one.name for one in list_experiments(world)})
    verb(page, "Bring an Experiment Back…").get_by_role("combobox", name="Experiment").click()
    page.get_by_role("option", name=re.compile("^old")).click()
    send(page, "Bring Back")
    told(page, "The experiment old is back.")
    assert "old" in {one.name for one in list_experiments(world)}


def test_escape_closes_a_form_as_soon_as_it_is_there(page: Any) -> None:
    for _ in range(3):
        choose(page, "Restore a Snapshot…")
        page.locator(".jp-Mlops-dialog").wait_for()
        page.keyboard.press("Escape")
        page.locator(".jp-Mlops-dialog").wait_for(state="detached")


def test_a_folder_becomes_a_snapshot_and_that_a_folder_again(lab: Any, world: Workspace, page: Any) -> None:
    page.locator(".jp-DirListing-item", has_text="code").click(button="right")
    page.get_by_role("menuitem", name="Snapshot…").click()
    assert form(page).get_by_role("combobox", name="Folder").input_value() == "code"
    send(page, "Take Snapshot")
    notice = told(page, "holds 1 file.")
    (taken,) = world.catalog.find(Snapshot)
    assert taken.source == str(lab.folder / "code")
    notice.get_by_role("button", name="Restore…").click()
    form(page).get_by_role("textbox", name="New folder").fill("again")
    send(page, "Restore")
    until((lab.folder / "again" / "train.py").is_file)
    page.locator(".jp-FileBrowser .jp-DirListing-item", has_text="train.py").wait_for()
    page.locator(".jp-BreadCrumbs-home").click()

    verb(page, "Download a Snapshot…").get_by_role("combobox", name="Snapshot").fill(taken.name)
    with page.expect_download() as begun:
        send(page, "Download")
    with zipfile.ZipFile(begun.value.path()) as archive:
        assert archive.read("train.py") == b"print(1)\n"

    verb(page, "Remove Unused Snapshots…").get_by_text("No run refers to 1 snapshot.").wait_for()
    send(page, "Remove")
    told(page, "Removed 1 snapshot")
    assert world.catalog.find(Snapshot) == []
    choose(page, "Remove Unused Snapshots…")
    told(page, "Nothing to remove")


def test_a_file_becomes_a_model_with_an_alias_and_a_manifest(world: Workspace, page: Any) -> None:
    page.locator(".jp-DirListing-item", has_text="weights.bin").click(button="right")
    page.get_by_role("menuitem", name="Register as Model…").click()
    shown = form(page)
    assert shown.get_by_role("combobox", name="File or folder").input_value() == "weights.bin"
    shown.get_by_role("combobox", name="Model").fill("churn")
    send(page, "Register")
    told(page, "Registered churn version 1.").get_by_role("button", name="Deploy…").click()
    assert form(page).get_by_role("combobox", name="Model").input_value() == "churn:1"
    page.keyboard.press("Escape")
    page.locator(".jp-Mlops-dialog").wait_for(state="detached")

    shown = verb(page, "Set an Alias of a Model…")
    shown.get_by_role("combobox", name="Model").fill("churn")
    shown.get_by_role("combobox", name="Alias").fill("champion")
    shown.get_by_role("combobox", name="Version").click()
    shown.get_by_role("option", name="1").click()
    send(page, "Set Alias")
    until(lambda: show_model(world, "churn").aliases == {"champion": 1})

    shown = verb(page, "Create a Manifest…")
    shown.get_by_role("combobox", name="Models").fill("churn:1")
    shown.get_by_text("More options").click()
    script = shown.get_by_role("combobox", name="Scoring script")
    script.click()
    script.type("sco")
    shown.get_by_role("option", name="score.py").click()
    shown.get_by_role("combobox", name="Sample").fill("sample.json")
    send(page, "Create")
    told(page, "Created the manifest churn:1.").get_by_role("button", name="Build Image…").click()
    assert form(page).get_by_role("combobox", name="Manifest").input_value() == "churn:1"
    page.keyboard.press("Escape")
    page.locator(".jp-Mlops-dialog").wait_for(state="detached")


def test_a_model_is_deployed_and_the_service_scaled_configured_and_deleted(
    world: Workspace, page: Any, tmp_path: Path
) -> None:
    shown = verb(page, "Deploy a Model…")
    shown.get_by_role("combobox", name="Model").fill("churn:1")
    assert shown.get_by_role("combobox", name="Service").input_value() == "churn"
    shown.get_by_text("More options").click()
    shown.get_by_role("combobox", name="Manifest").fill("churn:1")
    shown.get_by_label("Keep requests and answers").uncheck()
    page.screenshot(path=tmp_path / "deploy.png")
    send(page, "Deploy")
    told(page, "Deploy service churn: done.").get_by_role("button", name="Open Service").click()
    page.locator(".jp-Mlops-main.jp-mod-service:visible").wait_for()
    page.screenshot(path=tmp_path / "deployed.png")
    service = world.catalog.get(Service, "churn")
    assert (service.state, service.telemetry.enabled) == ("ready", False)

    shown = verb(page, "Configure a Service…")
    shown.get_by_role("combobox", name="Service").fill("churn")
    shown.get_by_role("textbox", name="Requests waiting").fill("50")
    shown.get_by_label("Log", exact=True).select_option("warning")
    send(page, "Save")
    service = world.catalog.get(Service, "churn")
    assert (service.limits.max_queue, service.limits.max_concurrent, service.log_level) == (50, 256, "warning")

    before = read_keys(world, "churn")
    verb(page, "Regenerate a Key of a Service…").get_by_role("combobox", name="Service").fill("churn")
    page.get_by_label("Key", exact=True).select_option("secondary")
    send(page, "Regenerate")
    after = read_keys(world, "churn")
    assert (after.primary == before.primary, after.secondary == before.secondary) == (True, False)

    shown = verb(page, "Scale a Service…")
    shown.get_by_role("combobox", name="Service").fill("churn")
    shown.get_by_label("Replicas").select_option("load")
    shown.get_by_role("textbox", name="At most").fill("0")
    shown.get_by_role("button", name="Scale", exact=True).click()
    shown.get_by_text("This must be at least 1.").wait_for()
    shown.get_by_role("textbox", name="At most").fill("2")
    send(page, "Scale")
    scale = world.catalog.get(Service, "churn").deployments[0].scale
    assert scale is not None
    assert scale.max_replicas == 2

    verb(page, "Roll a Service Back…").get_by_role("combobox", name="Service").fill("nothing")
    page.locator(".jp-Mlops-dialog").get_by_role("button", name="Roll Back").click()
    page.get_by_role("alert").get_by_text("nothing").first.wait_for()
    page.keyboard.press("Escape")

    verb(page, "Delete a Service…").get_by_role("combobox", name="Service").fill("churn")
    send(page, "Delete")
    told(page, "Delete service churn: done.")
    assert world.catalog.find(Service) == []


def test_an_activity_is_cancelled_and_the_agent_started(world: Workspace, page: Any) -> None:
    choose(page, "Start the Agent")
    told(page, "The agent runs.")
    assert agent_status(world).running
    verb(page, "Stop the Agent…")
    send(page, "Stop")
    told(page, "The agent is stopped.")
    until(lambda: not agent_status(world).running)
    world.catalog.add(Activity(name="0123456789abcdef", verb="images.build", subject="image x", node="elsewhere"))
    shown = verb(page, "Cancel an Activity…")
    shown.get_by_role("combobox", name="Activity").click()
    shown.get_by_role("option", name="build image x").click()
    send(page, "Cancel Activity")
    until(lambda: world.catalog.get(Activity, "0123456789abcdef").cancel_asked)


def test_a_host_that_does_not_answer_is_not_added_and_one_is_removed(world: Workspace, page: Any) -> None:
    shown = verb(page, "Add a Host…")
    shown.get_by_role("textbox", name="Name").fill("gpu")
    shown.get_by_role("textbox", name="URL").fill("tcp://127.0.0.1:1")
    shown.get_by_role("button", name="Add", exact=True).click()
    shown.get_by_role("alert").locator("strong").wait_for()
    page.keyboard.press("Escape")
    world.catalog.add(NamedHost(name="far", url="tcp://127.0.0.1:1"))
    for name, answer in (("far", "The host far does not answer."), ("process", "The host process answers")):
        verb(page, "Check a Host…").get_by_role("combobox", name="Host").fill(name)
        send(page, "Check")
        told(page, answer)
    shown = verb(page, "Remove a Host…")
    shown.get_by_role("combobox", name="Host").click()
    shown.get_by_role("option", name="far").click()
    send(page, "Remove")
    assert world.catalog.find(NamedHost) == []


def test_what_is_not_built_is_neither_tested_nor_deleted_and_an_image_is_pushed(world: Workspace, page: Any) -> None:
    for label, button in (("Test an Image…", "Test"), ("Delete an Image…", "Delete")):
        shown = verb(page, label)
        shown.get_by_role("combobox", name="Image").fill("churn:1")
        shown.get_by_role("button", name=button, exact=True).click()
        shown.get_by_role("alert").locator("strong").wait_for()
        page.keyboard.press("Escape")
        shown.wait_for(state="detached")
    world.catalog.add(Image(name="churn:1", manifest="churn:1", image_id="sha256:00", tag="mlops/churn:1"))
    shown = verb(page, "Push an Image…")
    shown.get_by_role("combobox", name="Image").click()
    shown.get_by_role("option", name="churn:1").click()
    shown.get_by_role("textbox", name="Where to").fill("127.0.0.1:1/churn:1")
    send(page, "Push")
    (pushed,) = (one for one in world.catalog.find(Activity) if one.verb == "images.push")
    assert pushed.args == {"image": "churn:1", "target": "127.0.0.1:1/churn:1"}
    told(page, "failed.").get_by_role("button", name="Show Activities").click()
    page.get_by_role("treeitem", name=re.compile("^push image churn:1, failed")).wait_for()
    world.catalog.remove(Image, "churn:1")


def test_a_manifest_and_a_model_are_deleted_once_it_is_said_again(world: Workspace, page: Any) -> None:
    verb(page, "Delete a Manifest…").get_by_role("combobox", name="Manifest").fill("churn:1")
    send(page, "Delete")
    told(page, "Deleted the manifest churn:1.")
    assert world.catalog.find(Manifest) == []
    verb(page, "Delete a Model…").get_by_role("combobox", name="Model").fill("churn:1")
    send(page, "Delete")
    assert json.dumps([one.name for one in world.tracking.models() if one.versions]) == "[]"
