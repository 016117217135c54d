"""What Binder does: `postBuild` once, then `start` with Jupyter's command, in a home folder where nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

START_S = 120
TOKEN = "a-token-for-tests"


@pytest.fixture(scope="module")
def home(copy_checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of a Binder: it is the repository."""
    return copy_checkout(tmp_path_factory.mktemp("binder") / "jovyan")


@pytest.fixture(scope="module")
def environment(run, wheel: Path, home: Path, path_without_node: str) -> dict[str, str]:
    """Variables that make a shell see a new environment with the package in it, and nothing of whoever runs the tests."""
    venv = home.parent / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    run(sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    # Its dependencies are those of this environment: the README's own test installs them anew, once is enough.
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    (venv / "share" / "jupyter" / "lab").symlink_to(Path(sys.prefix) / "share" / "jupyter" / "lab")
    for name in ("jupyter", "jupyter-lab", "jupyter-trust"):
        script = (Path(sysconfig.get_path("scripts")) / name).read_text("utf-8").split("\n", 1)[1]
        (venv / "bin" / name).write_text(f"#!{venv / 'bin' / 'python'}\n{script}", "utf-8")
        (venv / "bin" / name).chmod(0o755)
    return {"HOME": str(home), "PATH": f"{venv / 'bin'}{os.pathsep}{path_without_node}", "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def started(environment: dict[str, str], home: Path) -> Iterator[str]:
    """The URL of the Jupyter that `start` started after `postBuild`."""
    subprocess.run(["binder/postBuild"], cwd=home, env=environment, check=True, timeout=300)
    argv = ["jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    log = home.parent / "lab.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["binder/start", *argv, f"--IdentityProvider.token={TOKEN}"],
            cwd=home,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield _url(process, home, log)
    finally:
        process.terminate()
        process.wait(30)


def _url(process: subprocess.Popen[bytes], home: Path, log: Path) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        for file in home.glob(".local/share/jupyter/runtime/jpserver-*.json"):
            try:
                url = str(json.loads(file.read_text("utf-8"))["url"])
                get(f"{url}api/status")
            except (OSError, ValueError):
                continue  # half-written, or not listening yet
            return url
        time.sleep(0.1)
    raise AssertionError(log.read_text("utf-8", "replace")[-4000:])


def get(url: str) -> tuple[str, str]:
    """Return where a GET ends after redirects, and what is there."""
    request = urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.url, answer.read().decode()


def test_binder_installs_the_package_itself_and_its_scripts_can_be_run(home: Path) -> None:
    assert (home / "binder" / "requirements.txt").read_text("utf-8").split() == ["."]
    assert all(os.access(home / "binder" / name, os.X_OK) for name in ("postBuild", "start"))


def test_jupyterlab_opens_on_the_quickstart(started: str, home: Path) -> None:
    url, page = get(started)
    assert url == f"{started}lab/tree/notebooks/quickstart.ipynb"
    assert (home / "notebooks" / "quickstart.ipynb").is_file()
    assert '"name": "jupyter-mlops"' in page  # the front end is among the extensions that the page loads


def test_the_sidebar_has_a_workspace_from_the_first_look(started: str, home: Path) -> None:
    workspace: dict[str, Any] = json.loads(get(f"{started}mlops/api/workspace")[1])
    assert workspace["home"] == str(home)


def test_a_second_start_keeps_the_workspace(started: str, environment: dict[str, str], home: Path) -> None:
    before = json.loads(get(f"{started}mlops/api/workspace")[1])["id"]
    subprocess.run(["binder/start", "true"], cwd=home, env=environment, check=True, timeout=60)
    assert json.loads(get(f"{started}mlops/api/workspace")[1])["id"] == before
