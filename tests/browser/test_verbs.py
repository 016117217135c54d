"""Every verb by mouse or palette: a form asks for what it needs, and the workspace shows the effect."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pages import (
    act,
    choose,
    choose_by_keys,
    confirm,
    eventually,
    fill,
    form,
    leave_all,
    press_of,
    row,
    sidebar,
    told,
    verb,
)

from jupyter_mlops.activities import wait_activity
from jupyter_mlops.agent.control import agent_status
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Service
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.delivery.keys import read_keys
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model, show_model
from jupyter_mlops.delivery.services import delete_service, deploy, list_services
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

EMPTY_TAR = bytes(10240)
SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture(scope="module")
def lab(start_lab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("place") / "churn"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "train.py").write_text("print(1)\n", "utf-8")
    (folder / "weights.bin").write_bytes(b"weights")
    (folder / "score.py").write_text(SCORE, "utf-8")
    (folder / "sample.json").write_text('{"data": [[1.0]]}', "utf-8")
    return start_lab(folder)


@pytest.fixture(scope="module")
def world(lab: Any, end_agents: Callable[[Workspace], None]) -> Iterator[Workspace]:
    world = Workspace.open(lab.folder, create=True)
    yield world
    for service in list_services(world):  # else its replicas go on serving
        wait_activity(world, delete_service(world, service.name).name, timeout_s=60)
    end_agents(world)
    world.close()


@pytest.fixture(scope="module")
def page(lab: Any, world: Workspace, open_lab: Callable[..., Any]) -> Any:
    assert world.root.is_dir()  # it is there before the page looks for it
    page = open_lab(lab)
    page.set_default_timeout(15_000)
    return page


@pytest.fixture(scope="module")
def pack(lab: Any, world: Workspace) -> Callable[[str], str]:
    """Return a function that registers a model of this name and makes a manifest of it, whose name it returns."""

    def make(name: str) -> str:
        register_model(world, str(lab.folder / "weights.bin"), name)
        files = {"script": lab.folder / "score.py", "sample": lab.folder / "sample.json"}
        return create_manifest(world, [name], **files).ref

    return make


@pytest.fixture(autouse=True)
def _nothing_is_open(page: Any) -> None:
    leave_all(page)


def test_a_folder_becomes_a_snapshot_and_that_a_folder_again(lab: Any, world: Workspace, page: Any) -> None:
    page.locator(".jp-DirListing-item", has_text="code").click(button="right")
    page.get_by_role("menuitem", name="Snapshot…").click()
    assert form(page).get_by_role("combobox", name="Folder").input_value() == "code"
    confirm(page, "Take Snapshot")
    notice = told(page, "holds 1 file.")
    (taken,) = world.catalog.find(Snapshot)
    assert taken.source == str(lab.folder / "code")
    press_of(notice, "Restore…")
    form(page).get_by_role("textbox", name="New folder").fill("again")
    confirm(page, "Restore")
    eventually((lab.folder / "again" / "train.py").is_file)
    page.locator(".jp-FileBrowser .jp-DirListing-item", has_text="train.py").wait_for()
    page.locator(".jp-BreadCrumbs-home").click()

    verb(page, "Download a Snapshot…").get_by_role("combobox", name="Snapshot").fill(taken.name)
    with page.expect_download() as begun:
        confirm(page, "Download")
    with zipfile.ZipFile(begun.value.path()) as archive:
        assert archive.read("train.py") == b"print(1)\n"

    verb(page, "Remove Unused Snapshots…").get_by_text("No run refers to 1 snapshot.").wait_for()
    confirm(page, "Remove")
    told(page, "Removed 1 snapshot")
    assert world.catalog.find(Snapshot) == []
    choose(page, "Remove Unused Snapshots…")
    told(page, "Nothing to remove")


def test_a_file_becomes_a_model_with_an_alias_and_a_manifest(world: Workspace, page: Any) -> None:
    page.locator(".jp-DirListing-item", has_text="weights.bin").click(button="right")
    page.get_by_role("menuitem", name="Register as Model…").click()
    shown = form(page)
    assert shown.get_by_role("combobox", name="File or folder").input_value() == "weights.bin"
    shown.get_by_role("combobox", name="Model").fill("heavy")
    confirm(page, "Register")
    press_of(told(page, "Registered heavy version 1."), "Deploy…")
    assert form(page).get_by_role("combobox", name="Model").input_value() == "heavy:1"
    page.keyboard.press("Escape")
    page.locator(".jp-Mlops-dialog").wait_for(state="detached")

    shown = verb(page, "Set an Alias of a Model…")
    shown.get_by_role("combobox", name="Model").fill("heavy")
    shown.get_by_role("combobox", name="Alias").fill("champion")
    shown.get_by_role("combobox", name="Version").click()
    shown.get_by_role("option", name="1").click()
    confirm(page, "Set Alias")
    eventually(lambda: show_model(world, "heavy").aliases == {"champion": 1})

    shown = verb(page, "Create a Manifest…")
    shown.get_by_role("combobox", name="Models").fill("heavy:1")
    shown.get_by_text("More options").click()
    script = shown.get_by_role("combobox", name="Scoring script")
    script.click()
    script.type("sco")
    shown.get_by_role("option", name="score.py").click()
    shown.get_by_role("combobox", name="Sample").fill("sample.json")
    confirm(page, "Create")
    press_of(told(page, "Created the manifest heavy:1."), "Build Image…")
    assert form(page).get_by_role("combobox", name="Manifest").input_value() == "heavy:1"
    page.keyboard.press("Escape")
    page.locator(".jp-Mlops-dialog").wait_for(state="detached")


def test_a_model_is_registered_named_and_deleted_by_keyboard_alone(world: Workspace, page: Any) -> None:
    keys = page.keyboard
    choose_by_keys(page, "Register a Model…")
    keys.press("ArrowDown")  # from a run, to a file or folder
    keys.press("Tab")
    keys.type("weig")
    page.get_by_role("option", name="weights.bin").wait_for()
    keys.press("ArrowDown")
    keys.press("Enter")
    keys.press("Tab")
    keys.type("typed")
    keys.press("Enter")
    told(page, "Registered typed version 1.")
    choose_by_keys(page, "Set an Alias of a Model…")
    for text in ("typed", "live"):
        keys.type(text)
        keys.press("Tab")
    keys.press("ArrowDown")
    page.get_by_role("option", name="1").wait_for()
    keys.press("ArrowDown")
    keys.press("Enter")
    keys.press("Enter")
    told(page, "typed version 1 is @live now.")
    assert show_model(world, "typed").aliases == {"live": 1}
    shown = verb(page, "Set an Alias of a Model…")
    fill(shown, Model="typed", Alias="live")
    shown.get_by_label("Take the alias away instead").check()
    confirm(page, "Set Alias")
    assert show_model(world, "typed").aliases == {}
    choose_by_keys(page, "Delete a Model…")
    keys.type("typed")
    keys.press("Enter")
    told(page, "Deleted typed.")
    assert "typed" not in [one.name for one in world.tracking.models()]


def test_a_model_is_deployed_from_its_run(
    world: Workspace, page: Any, tmp_path: Path, pack: Callable[[str], str]
) -> None:
    pack("churn")
    (version,) = show_model(world, "churn").versions
    sidebar(page)
    row(page, "^Model churn").dblclick()
    run = world.tracking.run(version.run_id).name
    page.locator(".jp-Mlops-main.jp-mod-model").get_by_role("button", name=run, exact=True).first.click()
    act(page, page.get_by_role("toolbar", name="What to do with the run"), "Deploy")
    shown = form(page)
    assert shown.get_by_role("combobox", name="Model").input_value() == "churn:1"
    assert shown.get_by_role("combobox", name="Service").input_value() == "churn"
    shown.get_by_text("More options").click()
    shown.get_by_role("combobox", name="Manifest").fill("churn:1")
    shown.get_by_label("Keep requests and answers").uncheck()
    page.screenshot(path=tmp_path / "deploy.png")
    confirm(page, "Deploy")
    press_of(told(page, "Deploy service churn: done."), "Open Service")
    page.locator(".jp-Mlops-main.jp-mod-service:visible").wait_for()
    page.screenshot(path=tmp_path / "deployed.png")
    service = world.catalog.get(Service, "churn")
    assert (service.state, service.telemetry.enabled) == ("ready", False)


def test_a_service_is_configured_scaled_and_deleted(world: Workspace, page: Any, pack: Callable[[str], str]) -> None:
    wait_activity(world, deploy(world, "kept", manifest=pack("kept")).name, timeout_s=90)
    shown = verb(page, "Configure a Service…")
    shown.get_by_role("combobox", name="Service").fill("kept")
    shown.get_by_role("textbox", name="Requests waiting").fill("50")
    shown.get_by_label("Log", exact=True).select_option("warning")
    confirm(page, "Save")
    service = world.catalog.get(Service, "kept")
    assert (service.limits.max_queue, service.limits.max_concurrent, service.log_level) == (50, 256, "warning")

    before = read_keys(world, "kept")
    verb(page, "Regenerate a Key of a Service…").get_by_role("combobox", name="Service").fill("kept")
    page.get_by_label("Key", exact=True).select_option("secondary")
    confirm(page, "Regenerate")
    after = read_keys(world, "kept")
    assert (after.primary == before.primary, after.secondary == before.secondary) == (True, False)

    shown = verb(page, "Scale a Service…")
    shown.get_by_role("combobox", name="Service").fill("kept")
    shown.get_by_label("Replicas").select_option("load")
    shown.get_by_role("textbox", name="At most").fill("0")
    shown.get_by_role("button", name="Scale", exact=True).click()
    shown.get_by_text("This must be at least 1.").wait_for()
    shown.get_by_role("textbox", name="At most").fill("2")
    confirm(page, "Scale")
    scale = world.catalog.get(Service, "kept").deployments[0].scale
    assert scale is not None
    assert scale.max_replicas == 2

    verb(page, "Roll a Service Back…").get_by_role("combobox", name="Service").fill("nothing")
    page.locator(".jp-Mlops-dialog").get_by_role("button", name="Roll Back").click()
    page.get_by_role("alert").get_by_text("nothing").first.wait_for()
    page.keyboard.press("Escape")

    verb(page, "Delete a Service…").get_by_role("combobox", name="Service").fill("kept")
    confirm(page, "Delete")
    told(page, "Delete service kept: done.")
    assert "kept" not in [one.name for one in world.catalog.find(Service)]


@pytest.mark.docker
def test_an_image_is_built_tested_pushed_and_deleted_by_the_buttons_of_its_model(
    world: Workspace, page: Any, tmp_path: Path, pack: Callable[[str], str], serving: Callable[..., Any]
) -> None:
    """With a real engine and a real registry."""
    pack("packed")
    sidebar(page)
    row(page, "^Model packed").dblclick()
    page.locator(".jp-Mlops-main.jp-mod-model:visible").get_by_role("tab", name="Serving").click()
    packed = page.get_by_role("article", name="Manifest packed:1")
    packed.get_by_role("button", name="Build image…").click()
    form(page)
    confirm(page, "Build")
    told(page, "Build image packed:1: done.")
    image = world.catalog.get(Image, "packed:1")
    assert world.builder.is_current(image.image_id)
    packed.get_by_role("button", name="Test").click()
    told(page, "Test image packed:1: done.")
    # What is pushed is small: the other one has a whole Debian in it, and is squeezed for ten seconds.
    small = subprocess.run(["docker", "import", "-", "mlops/small:1"], input=EMPTY_TAR, capture_output=True, check=True)
    world.catalog.add(
        Image(name="packed:1-arm64", manifest="packed:1", image_id=small.stdout.decode().strip(), tag="mlops/small:1")
    )
    with serving(tmp_path, {}) as address:
        of_small = packed.get_by_role("toolbar", name="Image mlops/small:1")
        of_small.get_by_role("button", name="Push…").click()
        fill(form(page), Where_to=f"{address}/packed:7")
        confirm(page, "Push")
        told(page, "Push image packed:1-arm64: done.")
        with urlopen(f"http://{address}/v2/packed/tags/list") as answer:
            assert json.load(answer)["tags"] == ["7"]
    of_small.get_by_role("button", name="Export…").click()
    assert form(page).get_by_role("textbox", name="New file").input_value() == "packed-1-arm64.tar"
    fill(form(page), New_file="small.txt")
    form(page).get_by_role("button", name="Export", exact=True).click()
    form(page).get_by_text("Its name must end in .tar.").wait_for()
    fill(form(page), New_file="small.tar", Inside="code")
    confirm(page, "Export")
    told(page, f"Export image packed:1-arm64: done, in {world.home / 'code' / 'small.tar'}.")
    with tarfile.open(world.home / "code" / "small.tar") as exported:
        assert "index.json" in exported.getnames()
    of_small.get_by_role("button", name="Delete…").click()
    form(page)
    confirm(page, "Delete")
    packed.get_by_role("toolbar", name="Image mlops/packed").get_by_role("button", name="Delete…").click()
    form(page)
    confirm(page, "Delete")
    packed.get_by_text("No image is built of it.").wait_for()
    assert world.catalog.find(Image) == []
    assert not world.builder.is_current(image.image_id)


def test_an_activity_is_cancelled_and_the_agent_started(world: Workspace, page: Any) -> None:
    choose(page, "Start the Agent")
    told(page, "The agent runs.")
    assert agent_status(world).running
    verb(page, "Stop the Agent…")
    confirm(page, "Stop")
    told(page, "The agent is stopped.")
    eventually(lambda: not agent_status(world).running)
    world.catalog.add(Activity(name="0123456789abcdef", verb="images.build", subject="image x", node="elsewhere"))
    shown = verb(page, "Cancel an Activity…")
    shown.get_by_role("combobox", name="Activity").click()
    shown.get_by_role("option", name="build image x").click()
    confirm(page, "Cancel Activity")
    eventually(lambda: world.catalog.get(Activity, "0123456789abcdef").cancel_asked)


def test_a_host_that_does_not_answer_is_not_added_and_one_is_removed(
    world: Workspace, page: Any, tmp_path: Path
) -> None:
    shown = verb(page, "Add a Host…")
    shown.get_by_role("textbox", name="Name").fill("gpu")
    shown.get_by_role("textbox", name="URL").fill("tcp://127.0.0.1:1")
    shown.get_by_role("button", name="Add", exact=True).click()
    shown.get_by_role("alert").locator("strong").wait_for()
    page.keyboard.press("Escape")
    world.catalog.add(NamedHost(name="far", url="tcp://127.0.0.1:1"))
    for name, answer in (("far", "The host far does not answer."), ("process", "The host process answers")):
        verb(page, "Check a Host…").get_by_role("combobox", name="Host").fill(name)
        confirm(page, "Check")
        said = told(page, answer)
        if name == "far":
            press_of(said, "What to Do…")
            page.locator(".jp-Dialog").get_by_text("mlops hosts add NAME docker tcp://127.0.0.1:1").wait_for()
            page.screenshot(path=tmp_path / "host.png")
            page.keyboard.press("Escape")
    shown = verb(page, "Remove a Host…")
    shown.get_by_role("combobox", name="Host").click()
    shown.get_by_role("option", name="far").click()
    confirm(page, "Remove")
    assert world.catalog.find(NamedHost) == []


def test_what_is_not_built_is_neither_tested_nor_deleted_and_an_image_is_pushed(
    world: Workspace, page: Any, pack: Callable[[str], str]
) -> None:
    pack("bare")
    for label, button in (("Test an Image…", "Test"), ("Delete an Image…", "Delete")):
        shown = verb(page, label)
        shown.get_by_role("combobox", name="Image").fill("bare:1")
        shown.get_by_role("button", name=button, exact=True).click()
        shown.get_by_role("alert").locator("strong").wait_for()
        page.keyboard.press("Escape")
        shown.wait_for(state="detached")
    world.catalog.add(Image(name="bare:1", manifest="bare:1", image_id="sha256:00", tag="mlops/bare:1"))
    shown = verb(page, "Push an Image…")
    shown.get_by_role("combobox", name="Image").click()
    shown.get_by_role("option", name="bare:1").click()
    shown.get_by_role("textbox", name="Where to").fill("127.0.0.1:1/bare:1")
    confirm(page, "Push")
    pushed = [one.args for one in world.catalog.find(Activity) if one.verb == "images.push"]
    assert {"image": "bare:1", "target": "127.0.0.1:1/bare:1"} in pushed
    press_of(told(page, "failed."), "Show Activities")
    page.get_by_role("treeitem", name=re.compile("^push image bare:1, failed")).wait_for()
    world.catalog.remove(Image, "bare:1")


def test_a_manifest_and_a_model_are_deleted_once_it_is_said_again(
    world: Workspace, page: Any, pack: Callable[[str], str]
) -> None:
    pack("doomed")
    verb(page, "Delete a Manifest…").get_by_role("combobox", name="Manifest").fill("doomed:1")
    confirm(page, "Delete")
    told(page, "Deleted the manifest doomed:1.")
    assert "doomed:1" not in [one.ref for one in world.catalog.find(Manifest)]
    verb(page, "Delete a Model…").get_by_role("combobox", name="Model").fill("doomed:1")
    confirm(page, "Delete")
    assert show_model(world, "doomed").versions == []
