"""Builds of the package from a copy of the checkout, each made once per session and only when a test asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
NODE = {"node", "nodejs", "npm", "npx", "corepack", "yarn", "jlpm"}
NOT_SOURCE = shutil.ignore_patterns(
    ".git",
    ".mlops",
    ".venv",
    "node_modules",
    "lib",
    "dist",
    "build",
    "outputs",
    "__pycache__",
    "*.egg-info",
    ".*_cache",
)


@pytest.fixture(scope="session")
def copy_checkout() -> Callable[[Path], Path]:
    """Return a function that copies what a fresh clone would hold, without anything that was built."""

    def copy(into: Path) -> Path:
        shutil.copytree(CHECKOUT, into, ignore=NOT_SOURCE)
        shutil.rmtree(into / "jupyter_mlops" / "labextension", ignore_errors=True)
        return into

    return copy


@pytest.fixture(scope="session")
def run() -> Callable[..., str]:
    """Return a function that runs a command and returns what it wrote. Keywords are environment variables.

    The command must run, or fail where ``fails`` is given.
    """

    def run_it(*argv: str | Path, cwd: Path | None = None, fails: bool = False, **env: str) -> str:
        done = subprocess.run(
            [str(part) for part in argv],
            cwd=cwd,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"{argv} ended with {done.returncode}:\n{done.stdout[-6000:]}"
        return done.stdout

    return run_it


@pytest.fixture(scope="session")
def path_without_node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with every program of this machine but Node's."""
    folder = tmp_path_factory.mktemp("bin")
    for entry in os.environ["PATH"].split(os.pathsep):
        for program in sorted(Path(entry).glob("*")) if Path(entry).is_dir() else []:
            link = folder / program.name
            if program.name not in NODE and not link.exists() and not link.is_symlink():
                link.symlink_to(program.resolve())
    assert not shutil.which("node", path=str(folder))
    return str(folder)


@pytest.fixture(scope="session")
def wheel(copy_checkout, run, tmp_path_factory: pytest.TempPathFactory, path_without_node: str) -> Path:
    """The wheel that ``pip`` builds from a checkout on a machine without Node."""
    source = copy_checkout(tmp_path_factory.mktemp("wheel") / "checkout")
    into = source.parent / "dist"
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", into, source, PATH=path_without_node)
    (built,) = into.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def builder(run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds what ``[build-system]`` requires, as pip's own build environment does."""
    home = tmp_path_factory.mktemp("builder") / "venv"
    run(sys.executable, "-m", "venv", home)
    requires = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    run(home / "bin" / "python", "-m", "pip", "install", "--quiet", *requires)
    return home / "bin" / "python"
