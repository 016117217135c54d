"""A real JupyterLab as a hub serves it (base URL, token, XSRF), opened in a real Chromium."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TOKEN = "a-token-for-tests"
BASE_URL = "/user/x/"
START_S = 90
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A running JupyterLab."""

    url: str
    """With the base URL and a slash at the end."""
    folder: Path
    """What its file browser shows."""
    env: dict[str, str]
    """The environment it was started in."""

    def get(self, path: str) -> Any:
        """Return what the server answers to a GET, as JSON."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def _environment(home: Path, theme: str) -> dict[str, str]:
    """Return an environment in which Jupyter sees nothing of whoever runs the tests."""
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}', "utf-8")
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}), "utf-8")
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    ours = {name: str(home / folder) for name, folder in folders.items()}
    dropped = {"MLOPS_WORKSPACE", "MLOPS_ACTOR", "JUPYTERHUB_USER", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"}
    return {**{name: value for name, value in os.environ.items() if name not in dropped}, **ours}


def _wait_for_url(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Return where the server answers, from the file it writes about itself."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        for file in runtime.glob("jpserver-*.json"):
            try:
                url = str(json.loads(file.read_text("utf-8"))["url"])
                with urllib.request.urlopen(f"{url}api?token={TOKEN}", timeout=5):
                    return url.replace("localhost", "127.0.0.1")
            except (OSError, ValueError):
                continue  # half-written, or not listening yet
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text('utf-8', 'replace')[-4000:]}")


@pytest.fixture(scope="module")
def start_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Lab]]:
    """Return a function that starts JupyterLab on a folder; all are ended with the module."""
    installed = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "jupyter-mlops" / "package.json"
    assert installed.is_file(), (
        "this environment has no front end of jupyter-mlops: `pip install .` builds and installs it"
    )
    started: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, *, theme: str = "JupyterLab Light") -> Lab:
        home = tmp_path_factory.mktemp("home")
        env = _environment(home, theme)
        log = home / "lab.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
                    "--ip=127.0.0.1", "--port=0", f"--ServerApp.base_url={BASE_URL}",
                    f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}",
                ],
                cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        started.append(process)
        url = _wait_for_url(process, Path(env["JUPYTER_RUNTIME_DIR"]), log)
        return Lab(url=url, folder=folder, env=env)

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
    for process in started:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "no Chromium on the PATH: .ci/browser.sh installs it"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def open_lab(browser: Any) -> Callable[..., Any]:
    """Return a function that opens a running JupyterLab in a page of its own, ready to be used."""

    def open_page(lab: Lab, path: str = "lab", *, width: int = 1280, height: int = 800) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, permissions=["clipboard-read", "clipboard-write"]
        )
        context.set_default_timeout(30_000)
        page = context.new_page()
        # The token is handed over once, as a hub's login does; then a cookie and the XSRF token must do.
        page.goto(f"{lab.url}{path}?token={TOKEN}")
        page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=60_000)
        page.get_by_role("tab", name="MLOps: experiments, models and services").wait_for(timeout=60_000)
        return page

    return open_page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Keep a picture of the page when a test fails, and say where."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None:
        from playwright.sync_api import Error

        picture = item.config._tmp_path_factory.getbasetemp() / f"{item.name}.png"
        try:
            page.screenshot(path=picture)
            said = page.locator(".jp-Mlops-tab").inner_text(timeout=2000)
        except Error as error:  # the page itself may be what broke
            said = str(error)
        report.sections.append(("The page", f"{picture}\n{said}"))
    return report
