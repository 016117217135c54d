"""A real JupyterLab, opened in a real Chromium."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


def _load(file: Path) -> Any:
    """Return a module that tests share, which they import by its name from now on."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # dataclasses look there, too
    spec.loader.exec_module(module)
    return module


labs = _load(Path(__file__).parent.with_name("labs.py"))
_load(Path(__file__).parent.with_name("gallery.py"))
for shared in ("pages", "churn", "entries", "forest", "runpage", "runtable", "scored"):
    _load(Path(__file__).with_name(f"{shared}.py"))


@pytest.fixture(scope="session", name="labs")
def _labs() -> Any:
    """The module that starts Labs."""
    return labs


@pytest.fixture(scope="module")
def start_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Return a function that starts JupyterLab on a folder, as ``labs.start_lab``; all are ended with the module."""
    assert labs.is_installed(), (
        "this environment has no front end of jupyter-mlops: `pip install .` builds and installs it"
    )
    started: list[Any] = []

    def start(folder: Path, **options: Any) -> Any:
        started.append(labs.start_lab(folder, tmp_path_factory.mktemp("home"), **options))
        return started[-1]

    yield start
    for lab in started:
        lab.kill()


@pytest.fixture(scope="module")
def lab(start_lab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A JupyterLab on an empty folder."""
    folder = tmp_path_factory.mktemp("place") / "churn"
    folder.mkdir()
    return start_lab(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=labs.chromium(), args=labs.CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def open_lab(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a running JupyterLab in a page of its own, ready to be used.

    What our code throws there and nobody catches, a promise too, fails the module.
    """
    uncaught: list[str] = []

    def note(error: Any) -> None:
        if "/extensions/jupyter-mlops/" in (error.stack or ""):
            uncaught.append(error.stack)

    def open_page(lab: Any, path: str = "lab", *, width: int = 1280, height: int = 800, token: str = labs.TOKEN) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, permissions=["clipboard-read", "clipboard-write"]
        )
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("pageerror", note)
        # The token is handed over once, as a hub's login does; then a cookie and the XSRF token must do.
        page.goto(f"{lab.url}{path}{'&' if '?' in path else '?'}token={token}")
        page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=60_000)
        page.get_by_role("tab", name="MLOps: experiments, models and services").wait_for(timeout=60_000)
        return page

    yield open_page
    assert uncaught == []


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
