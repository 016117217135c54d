"""A model in the main area of a real JupyterLab: what it shows, and each of its controls from the click to the effect."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gallery
import pytest
from churn import SCORE, asked, button, kinds, seeded, select, widen
from labs import THEMES
from msgspec.structs import replace
from pages import cancel_dialog, confirm, copied, eventually, faint, fill, form, press_of, tab, told, use_theme, verb

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.manifests import create_manifest, delete_manifest
from jupyter_mlops.delivery.models import alias_model, show_model, show_model_version
from jupyter_mlops.training.finding import find_runs
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def world(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with seeded(lab.folder, tmp_path_factory.mktemp("trained")) as world:
        yield world


@pytest.fixture(scope="module")
def page(lab: Any, world: Workspace, open_lab: Callable[..., Any]) -> Any:  # noqa: ARG001  # seeded before it is looked at
    page = open_lab(lab, "lab?mlops=model:churn:2", width=1500, height=900)
    page.locator(".jp-Mlops-model").wait_for()
    return page


def test_a_link_opens_the_version_it_names_with_what_its_run_measured(page: Any) -> None:
    page.get_by_role("heading", name="Version 2", exact=True).wait_for()
    detail = page.locator(".jp-Mlops-modelVersionDetail")
    detail.get_by_text("0.94", exact=True).wait_for()
    detail.get_by_text("sklearn 1.7.2").wait_for()
    said = detail.inner_text()
    assert "NaN" in said
    assert "3.11.7" in said
    for link, opened in (("calm-fox-2", "run"), ("churn-api", "service")):
        detail.get_by_role("button", name=link).first.click()
        page.locator(f".jp-mod-{opened}.jp-Mlops-main").wait_for()
        page.get_by_role("tab", name=re.compile(link)).locator(".lm-TabBar-tabCloseIcon").click()
        detail.wait_for()


def test_the_signature_and_the_sample_are_shown_as_a_table_and_as_json(page: Any) -> None:
    tab(page, "Signature")
    inputs = page.get_by_role("table", name="Inputs")
    inputs.wait_for()
    assert inputs.locator("tbody tr").all_inner_texts() == ["age\tdouble", "지역 may be left out\tstring"]
    assert page.get_by_role("table", name="Outputs").locator("tbody tr").all_inner_texts() == ["int64\t(*)"]
    assert "서울" in page.get_by_role("region", name="Sample as a table").inner_text()
    button(page, "JSON").click()
    assert '"dataframe_split"' in page.get_by_label("Sample as JSON").inner_text()
    button(page, "Copy").click()
    assert "서울" in copied(page)
    button(page, "Table").click()


def test_a_version_is_promoted_by_moving_an_alias_and_taking_it_away(world: Workspace, page: Any) -> None:
    button(page, "Promote…").click()
    page.get_by_label("Alias for version 2").fill("champion")
    page.get_by_text("Version 1 has it now.").wait_for()
    button(page, "Move here").click()
    button(page, "Take away alias champion").wait_for()
    assert show_model(world, "churn").aliases == {"champion": 2}
    button(page, "Promote…").click()
    page.get_by_label("Alias for version 2").fill("live")
    button(page, "Set").click()
    button(page, "Take away alias live").click()
    button(page, "Take away alias live").wait_for(state="detached")
    assert show_model(world, "churn").aliases == {"champion": 2}
    button(page, "Promote…").click()
    page.get_by_label("Alias for version 2").fill("v7")
    page.keyboard.press("Enter")
    page.get_by_text("'v7' cannot be an alias").wait_for()
    page.keyboard.press("Escape")
    button(page, "Promote…").and_(page.locator(":focus")).press("Enter")
    page.get_by_label("Alias for version 2").fill("unwanted")
    button(page, "Cancel").click()
    button(page, "Take away alias champion").click()
    button(page, "Take away alias champion").wait_for(state="detached")
    assert show_model(world, "churn").aliases == {}


def test_descriptions_and_tags_are_written_where_they_are_read(world: Workspace, page: Any) -> None:
    tab(page, "Overview")
    described, keys = page.get_by_label("Description in Markdown"), page.keyboard
    button(page, "Describe").last.press("Enter")
    keys.press("Escape")  # nothing was written
    button(page, "Describe").and_(page.locator(":focus")).press("Enter")
    described.fill("Trained on **May** <img src=x onerror='window.hacked = 1'>")
    keys.press("Control+Enter")
    page.locator(".jp-Mlops-modelVersionDetail strong", has_text="May").wait_for()
    assert page.evaluate("window.hacked") is None
    assert show_model_version(world, "churn:2").description.startswith("Trained on")
    button(page, "Edit").click()
    described.fill("Not this")
    button(page, "Cancel").click()
    button(page, "Edit").wait_for()
    assert show_model_version(world, "churn:2").description.startswith("Trained on")
    button(page, "Add tag…").last.click()
    page.get_by_label("Key of the tag").fill("unwanted")
    button(page, "Cancel").click()
    button(page, "Add tag…").and_(page.locator(":focus")).press("Enter")
    page.get_by_label("Key of the tag").fill("reviewed")
    button(page, "Add").click()
    button(page, "Remove tag reviewed").wait_for()
    assert "unwanted" not in show_model_version(world, "churn:2").tags
    assert "reviewed" in show_model_version(world, "churn:2").tags

    page.get_by_text("About the model").click()
    button(page, "Describe").first.click()
    described.fill("# Who leaves")
    keys.press("Tab")
    keys.press("Enter")  # on Save
    page.get_by_role("heading", name="Who leaves").wait_for()
    assert show_model(world, "churn").description == "# Who leaves"
    button(page, "Add tag…").first.click()
    page.get_by_label("Key of the tag").fill("owner")
    page.get_by_label("Value of the tag").fill("ada")
    page.keyboard.press("Enter")
    button(page, "Remove tag owner").wait_for()
    assert show_model(world, "churn").tags == {"owner": "ada"}
    button(page, "Remove tag owner").click()
    button(page, "Remove tag owner").wait_for(state="detached")
    assert show_model(world, "churn").tags == {}
    page.get_by_text("About the model").click()


def test_what_happens_elsewhere_shows_without_a_reload(world: Workspace, page: Any) -> None:
    alias_model(world, "churn:3", "staging")
    page.get_by_role("row", name=re.compile("Version 3 @staging")).wait_for(timeout=5000)


def test_versions_are_compared_and_so_are_their_code_and_runs(page: Any, tmp_path: Path) -> None:
    page.get_by_role("checkbox", name="Compare version 1").check()
    page.get_by_role("grid").press(" ")  # the one that is shown
    button(page, "Compare 2").click()
    sides = page.get_by_role("region", name="Versions side by side")
    sides.wait_for()
    rows = dict(line.split("\t", 1) for line in sides.locator("tbody tr:not(.jp-mod-group)").all_inner_texts())
    assert rows["auc"] == "0.94 best\t0.91"
    assert rows["scikit-learn"] == "1.7.2\t1.5.0"
    assert "skops" not in rows
    button(page, "Only what differs").click()
    sides.get_by_role("row", name=re.compile("^skops 0.13 0.13")).wait_for()
    code = page.get_by_role("region", name="Changes of train.py")
    code.get_by_text("fit(C)").wait_for()
    assert code.locator("tr.jp-mod-removed").all_inner_texts() == ["1\t\t−\tC = 0.5"]  # noqa: RUF001  # a minus sign
    assert code.locator("tr.jp-mod-added").all_inner_texts() == ["\t1\t+\tC = 1.0"]
    page.screenshot(path=tmp_path / "versions.png")
    button(page, "Compare their runs").click()
    page.locator(".jp-mod-compare").wait_for()
    page.get_by_role("tab", name="churn:2").click()
    button(page, "Close").click()
    page.get_by_role("heading", name="Version 2", exact=True).wait_for()


def test_the_lineage_is_walked_by_keyboard_and_opens_what_it_shows(page: Any, tmp_path: Path) -> None:
    tab(page, "Lineage")
    flow = page.get_by_role("group", name=re.compile("^Lineage graph"))
    boxes = flow.locator(".jp-Mlops-box")
    boxes.first.wait_for()
    assert set(kinds(boxes)) == {
        "Dataset", "Snapshot", "Commit", "Environment", "Target", "Run", "Model", "Manifest", "Image", "Service",
    }  # fmt: skip
    flow.locator('[data-box="model:churn:2"]').focus()
    is_down = flow.locator('[data-box="model:churn:2"]').bounding_box()["y"] > boxes.first.bounding_box()["y"] + 60
    page.keyboard.press("ArrowUp" if is_down else "ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.box").startswith("run:")
    page.keyboard.press("Enter")
    page.locator(".jp-mod-run.jp-Mlops-main").wait_for()
    page.get_by_role("tab", name="churn:2").click()
    flow.locator('[data-box="service:churn-api"]').click()
    service = page.locator(".jp-mod-service.jp-Mlops-main")
    service.get_by_role("tab", name="Lineage").click()
    service.locator(".jp-Mlops-box").first.wait_for()
    *sources, run, model, manifest, image, last = kinds(service.locator(".jp-Mlops-box"))
    assert sorted(sources) == ["Commit", "Dataset", "Environment", "Snapshot", "Target"]
    assert (run, model, manifest, image, last) == ("Run", "Model", "Manifest", "Image", "Service")
    page.screenshot(path=tmp_path / "service.png")
    service.locator('[data-box="model:churn:2"]').click()
    page.get_by_role("tab", name="churn:2").click()
    for name in ("Zoom in", "Zoom out", "Show all of it"):
        button(page, name).click()
    button(page, "As a list").click()
    page.get_by_role("list", name="Lineage").get_by_text(
        "Service churn-api, ready; from Image mlops/churn:1"
    ).wait_for()
    button(page, "As a list").click()
    flow.locator('[data-box="manifest:churn:1"]').click()
    page.get_by_role("table", name="Deployments").wait_for()


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_is_readable_in_each_theme(theme: str, page: Any, tmp_path: Path) -> None:
    """What follows is done in the second theme."""
    use_theme(page, theme)
    select(page, 3)
    tab(page, "Overview")
    page.get_by_text("The model's signature in model/MLmodel cannot be read").wait_for()
    assert "10.6 kB" in page.locator(".jp-Mlops-modelVersionDetail").inner_text()
    select(page, 2)
    parts = {
        "Overview": ".jp-Mlops-facts", "Signature": "table", "Lineage": ".jp-Mlops-box", "Serving": "article",
        "Files and packages": "table",
    }  # fmt: skip
    assert faint(page, ".jp-Mlops-model", parts, tmp_path) == {}


def test_what_is_asked_of_images_and_manifests_reaches_the_agent_and_its_answer_shows(
    world: Workspace, page: Any
) -> None:
    tab(page, "Serving")
    button(page, "churn-api").last.click()
    page.get_by_role("tab", name=re.compile("churn-api")).locator(".lm-TabBar-tabCloseIcon").click()
    uses = page.get_by_role("table", name="Deployments").locator("tbody tr").all_inner_texts()
    assert [re.split(r"\s+", use.strip()) for use in uses] == [
        ["churn-api", "ready", "blue", "churn:1", "100%", "1", "docker", "http://127.0.0.1:49152"]
    ]
    churn = page.get_by_role("article", name="Manifest churn:1")
    churn.get_by_role("button", name="Push…").click()
    fill(form(page), Where_to="127.0.0.1:1/churn:1")
    confirm(page, "Push")
    churn.get_by_role("progressbar").wait_for()
    (push,) = world.catalog.find(Activity)
    assert (push.verb, push.args) == ("images.push", {"image": "churn:1", "target": "127.0.0.1:1/churn:1"})
    world.catalog.edit(
        Activity,
        push.name,
        lambda one: replace(one, state="failed", error=Unavailable("The registry does not answer.").problem()),
    )
    churn.get_by_text("The registry does not answer.").wait_for()

    churn.get_by_role("button", name="Test").click()
    try:
        world.builder.check()
    except Unavailable as error:
        page.get_by_text(error.message).first.wait_for()
    else:
        eventually(lambda: "images.test" in [one.verb for one in world.catalog.find(Activity)])


def test_manifests_are_compared_by_what_they_hold(lab: Any, world: Workspace, page: Any, tmp_path: Path) -> None:
    (lab.folder / "score.py").write_text(SCORE, "utf-8")
    (tmp_path / "sample.json").write_text('{"rows": [[20.5, "서울"]]}', "utf-8")
    create_manifest(
        world, ["churn:1"], name="older", script=lab.folder / "score.py", sample=tmp_path / "sample.json", python="3.12"
    )
    page.get_by_role("article", name="Manifest churn:1").get_by_role("button", name="Compare with…").click()
    other = form(page).get_by_role("combobox", name="Compare with")
    other.click()
    page.get_by_role("option", name=re.compile("^spare:1")).wait_for()
    assert page.get_by_role("option", name=re.compile("^churn:1")).count() == 0  # with itself
    page.get_by_role("option", name=re.compile("^older:1")).click()
    form(page).get_by_role("button", name="Compare", exact=True).click()
    found = page.get_by_role("region", name="What differs")
    found.wait_for()
    page.screenshot(path=tmp_path / "manifests.png")
    rows = dict(line.split("\t", 1) for line in found.locator("tbody tr").all_inner_texts() if "\t" in line)
    assert (rows["Python"], rows["churn"], rows["scikit-learn"]) == (
        "3.11\t3.12",
        "2\t1",
        "scikit-learn==1.7.2\tscikit-learn==1.5.0",
    )
    assert "서울" in rows["Sample"]
    confirm(page, "Close")
    delete_manifest(world, "older:1")
    verb(page, "Compare Manifests…")
    fill(form(page), Manifest="churn:1", Compare_with="spare:1")
    form(page).get_by_role("button", name="Compare", exact=True).click()
    page.locator(".jp-Dialog").get_by_text("They are the same.").wait_for()
    confirm(page, "Close")


def test_what_is_deployed_is_not_deleted_and_what_is_not_is(world: Workspace, page: Any) -> None:
    churn = page.get_by_role("article", name="Manifest churn:1")
    churn.get_by_role("toolbar", name="Image mlops/churn:1").get_by_role("button", name="Delete…").click()
    form(page).get_by_role("button", name="Delete").click()
    page.get_by_role("alert").get_by_text("The image of churn:1 is deployed by churn-api.").wait_for()
    confirm(page, "Cancel")
    assert world.catalog.get(Image, "churn:1")
    spare = page.get_by_role("article", name="Manifest spare:1")
    spare.get_by_role("toolbar", name="Image mlops/spare:1").get_by_role("button", name="Delete…").click()
    form(page).get_by_role("button", name="Delete").click()
    try:
        world.builder.check()
    except Unavailable as error:
        page.get_by_role("alert").get_by_text(error.message).wait_for()
        confirm(page, "Cancel")
        world.catalog.remove(Image, "spare:1")
    spare.get_by_text("No image is built of it.").wait_for()
    assert [one.name for one in world.catalog.find(Image)] == ["churn:1"]
    spare.get_by_role("button", name="Delete…").click()
    confirm(page, "Delete")
    spare.wait_for(state="detached")
    assert [one.ref for one in world.catalog.find(Manifest)] == ["churn:1"]


def test_a_manifest_an_image_and_a_service_are_asked_for_beginning_with_this_version(
    lab: Any, world: Workspace, page: Any
) -> None:
    (lab.folder / "score.py").write_text(SCORE, "utf-8")
    button(page, "Create manifest…").click()
    shown = form(page)
    assert shown.get_by_role("combobox", name="Models").input_value() == "churn:2"
    shown.get_by_text("More options").click()
    shown.get_by_role("combobox", name="Scoring script").fill("score.py")
    confirm(page, "Create")
    page.get_by_role("article", name="Manifest churn:2").wait_for()
    assert world.catalog.get(Manifest, "churn", 2).models[0].version == 2

    page.get_by_role("article", name="Manifest churn:2").get_by_role("button", name="Build image…").click()
    assert form(page).get_by_role("combobox", name="Manifest").input_value() == "churn:2"
    confirm(page, "Build")
    page.get_by_role("article", name="Manifest churn:2").get_by_role("progressbar").wait_for()
    assert asked(world, "images.build").args["manifest"] == "churn:2"

    button(page, "Deploy version 2…").click()
    shown = form(page)
    assert shown.get_by_role("combobox", name="Model").input_value() == "churn:2"
    shown.get_by_role("combobox", name="Service").fill("risk-api")
    shown.get_by_text("More options").click()
    shown.get_by_role("combobox", name="Manifest").fill("churn:2")
    confirm(page, "Deploy")
    eventually(lambda: "risk-api" in [one.name for one in world.catalog.find(Service)])
    wanted = asked(world, "services.deploy").args
    assert (wanted["service"], wanted["manifest"], wanted["host"]) == ("risk-api", "churn:2", "process")
    button(page, "Deploy…").click()
    assert "churn:2" in cancel_dialog(page, "Deploy")

    button(page, "Copy link").click()
    eventually(lambda: "mlops=model%3Achurn%3A2" in copied(page))


def test_files_are_listed_with_digests_and_downloaded_into_a_new_folder(lab: Any, page: Any) -> None:
    tab(page, "Files and packages")
    files = page.get_by_role("table", name="Files")
    files.wait_for()
    assert [text.split("\t")[0] for text in files.locator("tbody tr").all_inner_texts()] == [
        "MLmodel", "input_example.json", "model.skops", "requirements.txt",
    ]  # fmt: skip
    page.get_by_text("scikit-learn==1.7.2").wait_for()
    button(page, "Copy").click()
    eventually(lambda: copied(page) == "scikit-learn==1.7.2\nskops==0.13\n")
    button(page, "Copy the digest of model.skops").click()
    eventually(lambda: copied(page) == hashlib.sha256(b"calm-fox-2" * 1000).hexdigest())
    button(page, "Download…").click()
    assert "churn-2" in cancel_dialog(page, "Download")
    button(page, "Download…").click()
    page.locator(".jp-Dialog input").fill("got")
    page.locator(".jp-Dialog").get_by_role("button", name="Download").click()
    eventually((lab.folder / "got" / "MLmodel").is_file)
    press_of(told(page, "The files of churn:2 are in got."), "Show")
    page.locator(".jp-DirListing-item", has_text="MLmodel").wait_for()


def test_of_very_many_files_the_first_are_listed_until_all_are_wanted(
    world: Workspace, page: Any, tmp_path: Path
) -> None:
    widen(world, tmp_path, 501)
    select(page, 4)
    rows = page.get_by_role("table", name="Files").locator("tbody tr")
    rows.first.wait_for()
    assert rows.count() == 500
    button(page, "Show all 501").click()
    page.get_by_text("part-0500.txt").wait_for()
    select(page, 2)


def test_the_pictures_of_the_readme_are_taken_as_the_lab_is_now(
    lab: Any, world: Workspace, browser: Any, tmp_path: Path
) -> None:
    runs = [run.id for run in find_runs(world, experiment="forest").items]
    wanted = gallery.shots(runs, "forest", "churn", "churn-api")
    taken = gallery.take(browser, wanted, lab, tmp_path, still=True)
    readme = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
    assert {f"gallery/{picture.name}" for picture in taken} == set(re.findall(r"gallery/\w+-light\.png", readme))
    assert [picture.name for picture in taken if not gallery.is_drawn(picture)] == []


def test_files_that_are_gone_are_said_to_be(world: Workspace, page: Any) -> None:
    shutil.rmtree(world.tracking.find_model(show_model_version(world, "churn:1")))
    select(page, 1)
    tab(page, "Files and packages")
    page.get_by_text("The files of model churn:1 are gone").wait_for()


def test_of_many_versions_only_those_in_view_are_drawn(world: Workspace, page: Any) -> None:
    for _ in range(100):
        world.tracking.client.create_model_version("churn", "file:///nowhere", await_creation_for=0)
    page.get_by_text("104 versions").wait_for()
    versions = page.get_by_role("grid")
    versions.focus()
    page.keyboard.press("Home")
    page.get_by_role("heading", name="Version 104", exact=True).wait_for()
    assert versions.get_by_role("row").count() < 50
    page.keyboard.press("End")
    page.get_by_role("heading", name="Version 1", exact=True).wait_for()
    versions.get_by_role("row", name=re.compile("Version 1 ")).wait_for()
    page.get_by_role("searchbox", name="Filter versions").fill("@staging")
    versions.get_by_role("row").get_by_text("Version 3", exact=True).click()
    page.get_by_role("heading", name="Version 3", exact=True).wait_for()
    assert versions.get_by_role("row").count() == 1


def test_a_version_is_deleted_and_then_the_model(world: Workspace, page: Any) -> None:
    button(page, "Delete version 3…").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("103 versions").wait_for()
    assert 3 not in [one.version for one in show_model(world, "churn").versions]
    world.catalog.remove(Service, "churn-api")
    button(page, "Delete model…").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
    page.locator(".jp-mod-model").get_by_text("There is no model 'churn'").wait_for()
    assert world.tracking.models() == []
