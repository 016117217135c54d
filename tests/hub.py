"""Goes through the lab behind a real JupyterHub, as three people of it; run it by hand, it takes about a minute.

    pip install jupyterhub
    python tests/hub.py

Ada has a server of her own; Bob has another on the same workspace; Rita is let into Ada's, to look. The Hub stops Ada's
server under her open panel and starts it again, and her login expires. Pictures of what was wrong stay in the folder it names.
"""

# ruff: noqa: T201  # says what it does
from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import labs
from playwright.sync_api import Error, sync_playwright

from jupyter_mlops.activities import wait_activity
from jupyter_mlops.agent.control import stop_agent
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.services import delete_service, deploy
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

TAB = "MLOps: experiments, models and services"
REPORT = b"<h1>Report</h1><script>document.body.append('its scripts run'); parent.document.title = 'broken'</script>"
SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return {'predictions': [0.5] * len(data['data'])}\n"
CONFIG = """
import os
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.JupyterHub.proxy_class = "hubparts.Haproxy"
c.Haproxy.folder = "{home}"
c.JupyterHub.db_url = "sqlite:///{home}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{home}/cookie"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {{"ada", "bob", "rita"}}
c.SimpleLocalProcessSpawner.home_dir_template = "{home}/{{username}}"
c.Spawner.notebook_dir = "{folder}"
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--ServerApp.authorizer_class=hubparts.Scopes"]
c.Spawner.environment = {{name: os.environ[name] for name in ("PATH", "PYTHONPATH", "JUPYTER_PATH") if name in os.environ}}
c.Spawner.oauth_client_allowed_scopes = ["access:servers!server", "custom:jupyter_server:execute:*"]
c.JupyterHub.custom_scopes = {{
    "custom:jupyter_server:read:*": {{"description": "look"}},
    "custom:jupyter_server:write:*": {{"description": "change", "subscopes": ["custom:jupyter_server:read:*"]}},
    "custom:jupyter_server:execute:*": {{"description": "do all", "subscopes": ["custom:jupyter_server:write:*"]}},
}}
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", "custom:jupyter_server:execute:*!user"]}},
    {{
        "name": "guest",
        "scopes": ["access:servers!server=ada/", "custom:jupyter_server:read:*!user=ada"],
        "users": ["rita"],
    }},
    {{"name": "boss", "scopes": ["admin:servers", "admin:users", "tokens"], "services": ["boss"]}},
]
c.JupyterHub.services = [{{"name": "boss", "api_token": "boss-secret"}}]
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def hub(folder: Path, home: Path) -> Iterator[str]:
    """Run a Hub whose servers show a folder; give its URL."""
    port = free_port()
    config = home / "jupyterhub_config.py"
    text = CONFIG.format(port=port, hub_port=free_port(), home=home, folder=folder, python=sys.executable)
    config.write_text(text, "utf-8")
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with (home / "hub.log").open("wb") as log:
        command = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
        process = subprocess.Popen(command, cwd=home, env={**os.environ, "PYTHONPATH": path}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 30
        while ask(url, "GET", "") is None:
            assert time.monotonic() < until, (home / "hub.log").read_text()[-3000:]
            time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def ask(url: str, method: str, path: str) -> Any:
    """Ask the Hub's REST API; None if it does not answer."""
    request = urllib.request.Request(
        f"{url}/hub/api/{path}", method=method, headers={"Authorization": "token boss-secret"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "{}")
    except OSError:
        return None


class Person:
    """Somebody in a browser of their own."""

    def __init__(self, browser: Any, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.context = browser.new_context(
            viewport={"width": 1400, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
        )
        self.context.set_default_timeout(30_000)
        self.page = self.context.new_page()

    def visit(self, path: str) -> Any:
        """Open an address below the Hub's, logging in and agreeing on the way, until Lab is there."""
        page = self.page
        page.goto(path if path.startswith("http") else self.url + path)
        if page.locator("#username_input").count():
            page.fill("#username_input", self.name)
            page.fill("#password_input", "any")
            page.click("#login_submit")
            page.wait_for_load_state()
        if page.get_by_role("button", name="Authorize").count():
            page.get_by_role("button", name="Authorize").click()
        page.wait_for_url(re.compile("/lab"))
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        page.get_by_role("tab", name=TAB).wait_for()
        return page

    def sidebar(self) -> None:
        """Unfold the sidebar."""
        if not self.page.locator(".jp-Mlops-tab").is_visible():
            self.page.get_by_role("tab", name=TAB).click()

    def row(self, pattern: str) -> Any:
        return self.page.get_by_role("treeitem", name=re.compile(pattern)).first

    def view(self, kind: str) -> Any:
        return self.page.locator(f".jp-Mlops-main.jp-mod-{kind}:visible")


def fill(world: Workspace, files: Path) -> dict[str, str]:
    """Make a run with all that a run has, and a service that answers."""
    folder = world.home
    (folder / "train.py").write_text("lr = 0.1\n", "utf-8")
    tags = {"mlops.snapshot": take_snapshot(world, folder).name}
    run = world.tracking.create_run("forest", "brave-owl", tags=tags, params={"lr": "0.1"})
    at_ms = int(time.time() * 1000)
    points = [MetricPoint(key="loss", value=1 / n, step=n, at_ms=at_ms + n) for n in range(1, 100)]
    world.tracking.log(run.id, metrics=points)
    world.tracking.write(run.id, REPORT, "report.html")
    (files / "weights.bin").write_bytes(b"weights")
    (files / "score.py").write_text(SCRIPT, "utf-8")
    (files / "sample.json").write_text('{"columns": ["age"], "data": [[20.0], [50.0]]}', "utf-8")
    register_model(world, str(files / "weights.bin"), "churn")
    ref = create_manifest(world, ["churn"], script=files / "score.py", sample=files / "sample.json").ref
    wait_activity(world, deploy(world, "churn", manifest=ref).name, timeout_s=90)
    return {"run": run.id}


def live(world: Workspace, person: Person, name: str, within_s: float = 1.5) -> None:
    """A run that begins in a kernel shows, within a second on a machine that has one to spare."""
    world.tracking.create_run("forest", name, tags={}, params={})
    began = time.monotonic()
    person.row(f"^Run {name}, running").wait_for()
    took_s = time.monotonic() - began
    assert took_s < within_s, f"{name} showed after {took_s:.1f} s"


def owner(world: Workspace, ada: Person, ids: dict[str, str]) -> str:
    """A deep link through the login, each part of a run, what changes things; return a link that was copied."""
    page = ada.visit(f"/hub/user-redirect/lab?mlops=run%3A{ids['run']}")
    page.get_by_role("heading", name="brave-owl").wait_for()
    ada.sidebar()
    live(world, ada, "first-live")
    view = ada.view("run")
    view.get_by_role("tab", name="Metrics", exact=True).click()
    view.locator(".uplot canvas").first.wait_for()
    view.get_by_role("tab", name="Outputs", exact=True).click()
    view.get_by_role("treeitem", name=re.compile("report.html")).click()
    view.frame_locator("iframe").get_by_text("its scripts run").wait_for()
    assert "broken" not in page.title()
    with page.expect_download() as download:
        view.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == REPORT
    view.get_by_role("tab", name="Code", exact=True).click()
    view.get_by_role("treeitem", name=re.compile("train.py")).click()
    view.get_by_text("lr = 0.1").first.wait_for()
    view.get_by_role("button", name="Cancel", exact=True).click()
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel Run").click()
    ada.row("^Run brave-owl, killed").wait_for()
    assert world.tracking.run(ids["run"]).status == "KILLED"
    view.get_by_role("button", name="Copy link").click()
    return str(page.evaluate("navigator.clipboard.readText()"))


def another(world: Workspace, bob: Person, link: str) -> None:
    """The link opens in the server of whoever follows it; a service's console answers there."""
    page = bob.visit(link)
    page.get_by_role("heading", name="brave-owl").wait_for()
    assert "/user/bob/" in page.url, page.url
    bob.visit("/hub/user-redirect/lab?mlops=service%3Achurn")
    page.get_by_role("heading", name="churn").wait_for()
    view = bob.view("service")
    view.get_by_role("tab", name="Try it").click()
    view.get_by_role("button", name=re.compile("^Send")).first.click()
    view.get_by_text("predictions").first.wait_for()
    bob.sidebar()
    live(world, bob, "seen-by-bob")


def guest(world: Workspace, rita: Person, ids: dict[str, str]) -> None:
    """Who may only look sees what happens, is offered nothing else, and copies links to this server."""
    page = rita.visit(f"/user/ada/lab/workspaces/rita?mlops=run%3A{ids['run']}")
    page.get_by_role("heading", name="brave-owl").wait_for()
    rita.sidebar()
    live(world, rita, "seen-by-rita")
    view = rita.view("run")
    assert view.get_by_role("button", name="Tag", exact=True).get_attribute("aria-disabled") == "true"
    view.get_by_role("button", name="Copy link").click()
    link = str(page.evaluate("navigator.clipboard.readText()"))
    assert link.startswith(f"{rita.url}/user/ada/lab?"), link


def stopped(world: Workspace, url: str, ada: Person) -> None:
    """The Hub stops the server under an open panel and starts it again; the login of before is no longer valid."""
    ask(url, "DELETE", "users/ada/server")
    ada.page.get_by_text("The hub has stopped this Jupyter server.").first.wait_for()
    assert ada.row("^Run first-live").is_visible(), "what was known is gone"
    world.tracking.create_run("forest", "made-meanwhile", tags={}, params={})
    ask(url, "POST", "users/ada/server")
    ada.page.get_by_text("Reload the page to log in again.").first.wait_for()
    ada.page.reload()
    ada.row("^Run made-meanwhile").wait_for()
    live(world, ada, "made-after")


def main() -> int:
    place = Path(tempfile.mkdtemp(prefix="mlops-hub-"))
    folder, home, files = place / "churn", place / "hub", place / "files"
    for one in (folder, home, files):
        one.mkdir()
    people: list[Person] = []
    with (
        closing(Workspace.open(folder, create=True)) as world,
        hub(folder, home) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=labs.chromium(), args=labs.CHROMIUM)
        try:
            ids = fill(world, files)
            people = [Person(browser, url, name) for name in ("ada", "bob", "rita")]
            ada, bob, rita = people
            link = owner(world, ada, ids)
            print("the owner of a server: deep link through the login, live, outputs, downloads, code, cancel")
            another(world, bob, link)
            print("another with a server on the same workspace: link, console, live")
            guest(world, rita, ids)
            print("a guest who may only look: live, nothing offered that changes something, link")
            stopped(world, url, ada)
            print("a server that the Hub stops and starts again")
        except (AssertionError, Error) as error:
            for person in people:
                person.page.screenshot(path=place / f"{person.name}.png")
            traceback.print_exception(error)
            print(f"See {place}.", file=sys.stderr)
            return 1
        finally:
            browser.close()
            wait_activity(world, delete_service(world, "churn").name, timeout_s=60)
            stop_agent(world)
    return 0


if __name__ == "__main__":
    sys.exit(main())
