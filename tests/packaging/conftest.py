"""Builds of the package from a copy of the checkout, each made once per session and only when a test asks for it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
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
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a function that has a folder filled by the first process of the session that asks, and returns it to all."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (base / f"{name}.made").exists():
                fill(base / name)
                (base / f"{name}.made").touch()
        return base / name

    return make


@pytest.fixture(scope="session")
def builder(once, run) -> Path:
    """The Python of an environment that holds what ``[build-system]`` requires, as pip's own build environment does."""

    def fill(home: Path) -> None:
        run(sys.executable, "-m", "venv", home)
        requires = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
        run(home / "bin" / "python", "-m", "pip", "install", "--quiet", *requires)

    return once("builder", fill) / "bin" / "python"


@pytest.fixture(scope="session")
def sdist(once, copy_checkout, run, builder: Path, path_without_node: str) -> Path:
    """The sdist that is built from a checkout on a machine without Node."""

    def fill(into: Path) -> None:
        source = copy_checkout(into / "checkout")
        run(builder, "-m", "hatchling", "build", "-t", "sdist", "-d", into, cwd=source, PATH=path_without_node)

    (built,) = once("sdist", fill).glob("*.tar.gz")
    return built


@pytest.fixture(scope="session")
def wheel(once, run, builder: Path, sdist: Path, path_without_node: str) -> Path:
    """The wheel that is built from the sdist, where npm could not do anything: if that works, it was not asked."""

    def fill(into: Path) -> None:
        with tarfile.open(sdist) as archive:
            archive.extractall(into, filter="data")
        (source,) = into.iterdir()
        (source / "labextension" / "package.json").write_text("{", "utf-8")
        run(builder, "-m", "hatchling", "build", "-t", "wheel", "-d", into, cwd=source, PATH=path_without_node)
        assert not list(source.rglob("node_modules"))

    (built,) = once("wheel", fill).glob("*.whl")
    return built
