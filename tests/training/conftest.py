"""A kernel in a workspace, shared by a module's tests."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mlops.workspace import Workspace

_spec = importlib.util.spec_from_file_location("kernels", Path(__file__).with_name("kernels.py"))
kernels = importlib.util.module_from_spec(_spec)
sys.modules["kernels"] = kernels
_spec.loader.exec_module(kernels)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, open_workspace) -> Path:
    """A folder with a workspace and a notebook."""
    folder = tmp_path_factory.mktemp("project")
    open_workspace(folder).close()
    (folder / "work.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    return folder


@pytest.fixture
def project(home: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of the test's own in the workspace."""
    folder = home / request.node.name.partition("[")[0]
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def kernel(home: Path) -> Iterator[object]:
    """A kernel as a Jupyter server starts it for ``work.ipynb``, with the extension loaded."""
    # Under PYTEST_CURRENT_TEST ipykernel would not capture child processes.
    dropped = ("PYTEST_", "MLOPS_", "MLFLOW_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    env["JPY_SESSION_NAME"] = str(home / "work.ipynb")
    kernel = kernels.Kernel(home, env)
    assert kernel.run("%load_ext jupyter_mlops").status == "ok"
    yield kernel
    kernel.close()


@pytest.fixture(scope="module")
def world(home: Path) -> Iterator[Workspace]:
    opened = Workspace.open(home)
    yield opened
    opened.close()
