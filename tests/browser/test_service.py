"""The view of a service in a real JupyterLab, on a real service: each control, from the click to its effect."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from labs import THEMES
from msgspec.structs import replace
from pages import cancel_dialog, confirm, copied, eventually, faint, fill, form, press_of, tab, told, use_theme
from scored import NAME, PICTURE, SAMPLE, asking, served

from jupyter_mlops.agent.control import agent_status, stop_agent
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.service import Limits, Service
from jupyter_mlops.delivery.calls import Caller, endpoint_of
from jupyter_mlops.delivery.clients import client_program
from jupyter_mlops.delivery.services import list_services, service_keys
from jupyter_mlops.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def world(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with served(lab.folder, tmp_path_factory.mktemp("files")) as world:
        yield world


@pytest.fixture(scope="module")
def page(lab: Any, world: Workspace, open_lab: Callable[..., Any]) -> Any:  # noqa: ARG001  # the service is to be there
    """One page for all tests, opened by a link as one person sends it to another."""
    page = open_lab(lab, f"lab?mlops=service:{NAME}", width=1400, height=900)
    page.get_by_role("heading", name=NAME).wait_for()
    return page


@pytest.fixture
def service(world: Workspace) -> Callable[[], Service]:
    return lambda: world.catalog.get(Service, NAME)


@pytest.fixture
def asked(world: Workspace) -> Iterator[None]:
    with asking(world):
        yield


def press(page: Any, name: str | re.Pattern[str]) -> None:
    page.locator(".jp-Mlops-service").get_by_role("button", name=name, exact=isinstance(name, str)).first.click()


@pytest.mark.usefixtures("asked")
def test_figures_move_while_they_are_looked_at_and_nothing_is_asked_when_not(page: Any) -> None:
    def tile(name: str) -> Any:
        return page.locator(".jp-Mlops-tile", has_text=name).locator("dd").first

    rate = eventually(lambda: float(re.sub("[^0-9.]", "", tile("Requests per second").inner_text()) or 0))
    assert 3 < rate < 60
    for name in ("Median latency (p50)", "99th percentile (p99)"):
        eventually(lambda name=name: re.fullmatch(r"[\d.]+ ms", tile(name).inner_text()))
    eventually(lambda: re.search(r" 0\.\d+ refused| [1-9][\d.]* refused", page.locator(".jp-Mlops-tiles").inner_text()))
    assert tile("Replicas ready").inner_text() == "2 of 2"
    rows = page.get_by_role("row", name=re.compile("process [0-9]+"))
    assert rows.count() == 2
    assert "MB" in rows.first.inner_text()
    assert page.get_by_role("figure", name="Requests per second").locator("canvas").count() == 1

    asked: list[str] = []
    told: list[str] = []
    watched: list[list[str]] = []

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda frame: told.append(frame) if "/figures" in frame else None)
        socket.on("framesent", lambda frame: watched.append(json.loads(frame)["watch"]))

    def heard(holds: Callable[[], Any]) -> None:
        eventually(lambda: page.wait_for_timeout(50) or holds())  # while it waits, the page's events arrive here

    page.on("request", lambda request: asked.append(request.url) if "/mlops/api/" in request.url else None)
    page.on("websocket", listen)
    page.evaluate("dispatchEvent(new Event('online'))")  # the socket is opened anew, where the test can listen
    heard(lambda: len(told) > 2)
    asked.clear()
    told.clear()
    heard(lambda: len(told) > 2)
    assert asked == []
    page.get_by_role("button", name="New Launcher").first.click()
    heard(lambda: not any("/figures" in address for address in watched[-1]))
    told.clear()
    page.wait_for_timeout(2500)
    assert told == []
    page.get_by_role("tab", name=NAME).click()
    heard(lambda: told)
    assert not any("/figures" in url for url in asked)


def test_the_url_and_a_link_are_copied(page: Any, service: Any) -> None:
    press(page, "Copy the URL")
    assert copied(page) == service().url
    press(page, "Copy link")
    eventually(lambda: copied(page).endswith(f"/user/x/lab?mlops=service%3A{NAME}"))
    press(page, "churn:1")
    page.locator(".jp-mod-model.jp-Mlops-main").get_by_role("heading", name="Version 1").wait_for()
    page.get_by_role("tab", name="churn:1").locator(".lm-TabBar-tabCloseIcon").click()
    page.get_by_role("heading", name=NAME).wait_for()


def test_traffic_is_shifted_by_keyboard_and_copies_by_number(page: Any, service: Any) -> None:
    tab(page, "Live")
    page.locator(".jp-Mlops-tile", has_text="Requests per second").get_by_text("0", exact=True).wait_for()  # they ended
    page.get_by_role("slider", name="Traffic of green").focus()
    for _ in range(15):
        page.keyboard.press("ArrowRight")
    assert page.get_by_role("slider", name="Traffic of blue").input_value() == "75"
    press(page, "Reset")
    assert page.get_by_role("slider", name="Traffic of green").input_value() == "10"
    page.get_by_role("spinbutton", name="Percent of traffic of blue").fill("60")
    page.get_by_role("spinbutton", name="Percent of requests copied to green").fill("20")
    press(page, "Apply")
    eventually(lambda: [(one.weight, one.mirror) for one in service().deployments] == [(60, 0), (40, 20)])
    page.get_by_role("button", name="Apply").wait_for(state="detached")


def test_the_console_sends_the_sample_to_whom_it_is_told_to_and_shows_what_comes(page: Any) -> None:
    tab(page, "Try it")
    body = page.get_by_role("textbox", name="Body of the request")
    body.get_by_text('"columns"').wait_for()
    answer = page.get_by_role("region", name="Answer", exact=True)
    for deployment, score in (("blue", "0.25"), ("green", "0.75")):
        page.get_by_label("Deployment").select_option(deployment)
        press(page, "Send")
        answer.get_by_text(f"by {deployment}").wait_for()
        answer.get_by_text(f'"predictions": [{score}, {score}]').wait_for()
    assert answer.locator(".jp-Mlops-status").inner_text() == "200"
    assert re.search(r"[\d.]+ ms", answer.inner_text())

    body.fill('{"data": [[1]')  # it breaks off
    page.get_by_text(re.compile("^Line 1, column")).wait_for()
    page.keyboard.press("Control+Enter")
    answer.get_by_role("alert").wait_for()
    assert answer.locator(".jp-Mlops-status").inner_text() == "400"
    body.fill('{"data":[[1],[2],[3]]}')
    press(page, "Format JSON")
    body.get_by_text('"data": [').wait_for()
    page.keyboard.press("Control+Enter")
    press(page, "Send")
    answer.get_by_text("[0.75, 0.75, 0.75]").wait_for()
    press(page, "Sample")
    body.get_by_text('"columns"').wait_for()


def test_the_console_sends_files_and_shows_and_saves_what_comes(page: Any, tmp_path: Path) -> None:
    """Short text goes into the editor; what is no text goes as it is, and comes back as a picture."""
    files, answer = page.get_by_label("File to send"), page.get_by_role("region", name="Answer", exact=True)
    files.set_input_files({"name": "rows.json", "mimeType": "application/json", "buffer": b'{"data":[[7]]}'})
    page.get_by_role("textbox", name="Body of the request").get_by_text("[[7]]").wait_for()
    with page.expect_file_chooser() as chooser:
        press(page, "File…")
    chooser.value.set_files({"name": "dot.png", "mimeType": "image/png", "buffer": PICTURE})
    page.locator(".jp-Mlops-tryFile").get_by_text("dot.png").wait_for()
    page.get_by_role("img", name="The picture").wait_for()
    press(page, "Send")
    answer.get_by_text(f'"n_bytes": {len(PICTURE)}').wait_for()
    picture = answer.get_by_role("img", name="Picture at picture")
    assert picture.evaluate("async one => (await one.decode(), one.naturalWidth)") == 8
    press(page, "Copy answer")
    said = eventually(lambda: "n_bytes" in copied(page) and copied(page))
    with page.expect_download() as saved:
        press(page, "Save answer")
    saved.value.save_as(tmp_path / saved.value.suggested_filename)
    assert (tmp_path / "answer.json").read_text("utf-8") == said
    press(page, "Back to text")
    dropped = page.evaluate_handle(
        """bytes => { const data = new DataTransfer();
           data.items.add(new File([new Uint8Array(bytes)], 'dropped.png', {type: 'image/png'})); return data; }""",
        list(PICTURE),
    )
    page.get_by_role("textbox", name="Body of the request").dispatch_event("drop", {"dataTransfer": dropped})
    page.locator(".jp-Mlops-tryFile").get_by_text("dropped.png").wait_for()
    press(page, "Send")
    answer.get_by_text(f'"n_bytes": {len(PICTURE)}').wait_for()
    press(page, "Back to text")
    press(page, "Sample")
    page.get_by_label("Format").select_option("CSV")
    page.get_by_role("textbox", name="Body of the request").get_by_text("age").wait_for()
    page.get_by_label("Format").select_option("JSON")
    press(page, "In the log")
    page.get_by_role("searchbox", name="Search the log").wait_for()
    assert page.get_by_role("searchbox", name="Search the log").input_value()


def test_lines_of_the_log_come_as_they_are_written_and_are_searched(page: Any, world: Workspace) -> None:
    tab(page, "Logs")
    log, to_blue = page.get_by_role("log", name="Log"), {"x-mlops-deployment": "blue"}
    page.get_by_role("searchbox", name="Search the log").fill("my-own-id")
    page.get_by_text("0 lines").wait_for()
    with contextlib.closing(Caller(lambda: endpoint_of(world, NAME))) as caller:
        caller.score(json.dumps(SAMPLE).encode(), headers={**to_blue, "x-request-id": "my-own-id"})
    log.get_by_text("my-own-id").wait_for()
    assert "200 /score" in log.inner_text()
    page.get_by_role("button", name="Follow", pressed=True).click()
    with contextlib.closing(Caller(lambda: endpoint_of(world, NAME))) as caller:
        caller.score(json.dumps(SAMPLE).encode(), headers={**to_blue, "x-request-id": "my-own-id-2"})
        page.get_by_text("1 line", exact=True).wait_for()
        page.get_by_role("button", name="Follow", pressed=False).click()
    page.get_by_text("2 lines", exact=True).wait_for()
    page.get_by_role("searchbox", name="Search the log").fill("")
    page.get_by_role("tabpanel", name="Logs").get_by_label("Deployment").select_option("green")
    log.get_by_text("my-own-id").wait_for(state="detached")
    page.get_by_role("tabpanel", name="Logs").get_by_label("Deployment").select_option("")
    page.get_by_label("Level").select_option("warning")
    eventually(lambda: " 400 " in f" {log.inner_text()} ".replace("\n", " "))
    assert "200 /score" not in log.inner_text()
    tab(page, "Live")
    press(page, re.compile("^Logs of replica"))
    assert len(page.get_by_label("Replica").input_value()) == 16
    page.get_by_label("Replica").select_option("")


def test_a_request_that_was_kept_is_seen_and_tried_again(page: Any) -> None:
    tab(page, "Requests")
    assert page.get_by_text("All requests are kept, for good, in the workspace.").is_visible()
    kept = page.get_by_role("button", name="my-own-id", exact=True)
    press(page, "Refresh")
    eventually(lambda: kept.is_visible() or press(page, "Refresh"))
    page.get_by_label("Of the last").select_option("15m")
    kept.click()
    assert "[20]" in page.locator(".jp-Mlops-requestDetail").inner_text()
    press(page, "Change…")
    fill(form(page), Share_of_requests_kept="0.5")
    confirm(page, "Save")
    page.get_by_text("50 % of requests are kept").wait_for()
    press(page, "Try it again")
    page.get_by_role("textbox", name="Body of the request").get_by_text('"columns"').wait_for()


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_is_readable_in_each_theme(theme: str, page: Any, tmp_path: Path) -> None:
    """What follows is done in the second theme."""
    use_theme(page, theme)
    parts = {
        "Live": ".uplot", "Try it": ".cm-content", "Logs": ".jp-Mlops-logBox", "Requests": "table",
        "Lineage": ".jp-Mlops-box", "Access": ".jp-Mlops-code", "Settings": ".jp-Mlops-facts",
    }  # fmt: skip
    assert faint(page, ".jp-Mlops-service", parts, tmp_path) == {}


def test_keys_are_copied_unseen_shown_when_asked_and_made_anew(page: Any, world: Workspace) -> None:
    tab(page, "Access")
    before, primary = service_keys(world, NAME), page.get_by_role("group", name="Primary key")
    primary.get_by_role("button", name="Copy").click()
    page.get_by_text("Primary key is copied.").wait_for()
    assert copied(page) == before.primary
    assert before.primary not in page.content()
    primary.get_by_role("button", name="Show").click()
    primary.get_by_text(before.primary).wait_for()
    primary.get_by_role("button", name="Hide").click()
    primary.get_by_text(before.primary).wait_for(state="detached")
    page.get_by_role("group", name="Secondary key").get_by_role("button", name="Copy").click()
    eventually(lambda: copied(page) == before.secondary)
    primary.get_by_role("button", name="Regenerate…").click()
    confirm(page, "Regenerate")
    after = eventually(lambda: service_keys(world, NAME).primary != before.primary and service_keys(world, NAME))
    assert after.secondary == before.secondary
    primary.get_by_text(before.primary).wait_for(state="detached")


def test_client_code_is_there_in_each_language(page: Any, world: Workspace) -> None:
    for language in ("curl", "JavaScript", "Java", "C#", "R", "Python"):
        tab(page, language)
        page.get_by_role("tabpanel", name=language).get_by_text("/score", exact=False).first.wait_for()
    press(page, "Copy code")
    eventually(lambda: copied(page) == client_program(world, NAME, "python").source)


def test_settings_are_changed_while_it_runs(page: Any, service: Any) -> None:
    tab(page, "Settings")
    press(page, "Configure…")
    fill(form(page), Requests_waiting_beyond_those="77")
    confirm(page, "Save")
    eventually(lambda: service().limits.max_queue == 77)
    assert service().limits.max_concurrent == Limits().max_concurrent
    page.locator(".jp-Mlops-facts").get_by_text("77").wait_for()

    page.get_by_role("tabpanel", name="Settings").get_by_role("button", name="Scale…").click()
    fill(form(page), Deployment="green", How_many="2")
    confirm(page, "Scale")
    eventually(lambda: [one.replicas for one in service().deployments] == [1, 2])
    press(page, "Scale…")
    fill(form(page), Deployment="green")
    eventually(lambda: form(page).get_by_role("textbox", name="How many").input_value() == "2")
    confirm(page, "Cancel")


def test_what_goes_on_is_cancelled_and_what_failed_is_said_until_it_is_dismissed(page: Any, world: Workspace) -> None:
    made = Activity(name="0123456789abcdef", verb="services.update", subject=f"service {NAME}", node="elsewhere")
    world.catalog.add(made)
    going_on = page.locator(
        ".jp-Mlops-serviceProgress", has=page.get_by_role("progressbar", name=f"Update service {NAME}")
    )
    going_on.get_by_role("button", name="Cancel").click()
    eventually(lambda: world.catalog.get(Activity, made.name).cancel_asked)
    error = Unavailable("The engine does not answer.").problem()
    world.catalog.edit(Activity, made.name, lambda one: replace(one, state="failed", error=error))
    failed = page.locator(".jp-Mlops-serviceNotices").get_by_role("alert")
    failed.get_by_text("The last change failed: The engine does not answer.").wait_for()
    press_of(told(page, "The engine does not answer."), "Show Log")
    page.get_by_role("tab", name="Logs", selected=True).wait_for()
    press(page, "Dismiss")
    failed.wait_for(state="detached")


def test_it_is_updated_with_progress_and_rolled_back(page: Any, service: Any) -> None:
    tab(page, "Live")
    press(page, "Update…")
    fill(form(page), Model="churn", Deployment="blue", Manifest="blue:2")
    confirm(page, "Update")
    page.get_by_role("progressbar", name=f"Update service {NAME}").wait_for()
    eventually(lambda: service().deployments[0].manifest == "blue:2")
    page.get_by_role("progressbar", name=f"Update service {NAME}").wait_for(state="detached")
    page.get_by_role("row", name=re.compile("^blue")).get_by_text("blue:2").wait_for()

    tab(page, "Settings")
    page.locator(".jp-Mlops-history").get_by_role("button", name="Roll back…").click()
    assert f"Roll {NAME} Back" in cancel_dialog(page, "Roll")
    press(page, "Roll back…")  # in the head
    form(page)
    confirm(page, "Roll Back")
    eventually(lambda: service().deployments[0].manifest == "blue:1")


def test_a_deployment_is_added_and_one_that_gets_no_more_is_removed(page: Any, service: Any) -> None:
    tab(page, "Live")
    page.get_by_role("row", name=re.compile("^blue")).get_by_text("blue:1").wait_for()
    press(page, "Add deployment…")
    fill(form(page), Deployment="red", Model="churn", Traffic="0", Manifest="green:1")
    confirm(page, "Add")
    eventually(lambda: [(one.name, one.weight) for one in service().deployments][2:] == [("red", 0)])
    page.get_by_role("row", name=re.compile("^red")).first.wait_for()
    page.get_by_role("spinbutton", name="Percent of traffic of green").fill("0")
    page.get_by_role("spinbutton", name="Percent of requests copied to green").fill("0")
    press(page, "Apply")
    eventually(lambda: service().deployments[1].weight == 0)
    press(page, "Remove deployment green")
    confirm(page, "Remove")
    eventually(lambda: [one.name for one in service().deployments] == ["blue", "red"])
    page.get_by_role("row", name=re.compile("^green")).first.wait_for(state="detached")


def test_it_says_that_the_agent_is_not_running_and_starts_it(page: Any, world: Workspace) -> None:
    stop_agent(world)
    page.get_by_text("The agent of this workspace is not running").wait_for()
    press(page, "Start the agent")
    page.get_by_text("The agent of this workspace is not running").wait_for(state="detached")
    assert agent_status(world).running


def test_it_speaks_https_when_told_to_and_is_deleted(page: Any, world: Workspace, service: Any) -> None:
    tab(page, "Access")
    press(page, "Use HTTPS…")
    confirm(page, "Use HTTPS")
    page.get_by_text(service().url.replace("http:", "https:")).first.wait_for()
    certificate = eventually(lambda: service().certificate)
    page.get_by_text(certificate.fingerprint).wait_for()
    press(page, "Copy the authority")
    eventually(lambda: copied(page).startswith("-----BEGIN CERTIFICATE-----"))
    press(page, "Renew…")
    confirm(page, "Renew")
    eventually(lambda: service().certificate.fingerprint != certificate.fingerprint)
    press(page, "Delete…")
    confirm(page, "Delete")
    eventually(lambda: not list_services(world))
    page.get_by_role("alert").get_by_text(NAME).first.wait_for()
