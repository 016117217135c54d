"""A kernel in a workspace, as a Jupyter server starts it, whose messages can be looked at one by one."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.workspace import Workspace

_spec = importlib.util.spec_from_file_location("kernels", Path(__file__).parents[1] / "training" / "kernels.py")
_kernels = importlib.util.module_from_spec(_spec)
# dataclasses look their module up
importlib.import_module("sys").modules.setdefault("kernels", _kernels)
_spec.loader.exec_module(_kernels)


class Watched(_kernels.Kernel):
    """A kernel whose cells answer with everything that was put out, as a notebook would hear it."""

    def hear(self, source: str, *, timeout_s: float = 60) -> list[tuple[str, dict[str, Any]]]:
        """Execute a cell; return the type and content of each message about it."""
        message = self.client.execute(source)
        heard = []
        while True:
            got = self.client.get_iopub_msg(timeout=timeout_s)
            if got["parent_header"].get("msg_id") != message:
                continue
            heard.append((got["msg_type"], got["content"]))
            if got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
                self.client.get_shell_msg(timeout=timeout_s)
                return heard


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, open_workspace) -> Path:
    """A folder with a workspace and a notebook."""
    folder = tmp_path_factory.mktemp("project")
    open_workspace(folder).close()
    (folder / "work.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    return folder


@pytest.fixture(scope="module")
def start_kernel(home: Path) -> Iterator[Any]:
    """Return a function that starts a kernel with the extension loaded; ``watched`` as a Jupyter server does."""
    started = []

    def start(*, watched: bool) -> Watched:
        dropped = ("PYTEST_", "MLOPS_", "MLFLOW_", "JPY_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        if watched:
            env["JPY_SESSION_NAME"] = str(home / "work.ipynb")
        kernel = Watched(home, env)
        started.append(kernel)
        assert kernel.run("%load_ext jupyter_mlops").status == "ok"
        return kernel

    yield start
    for kernel in started:
        kernel.close()


@pytest.fixture(scope="module")
def kernel(start_kernel) -> Watched:
    return start_kernel(watched=True)


@pytest.fixture(scope="module")
def world(home: Path) -> Iterator[Workspace]:
    opened = Workspace.open(home)
    yield opened
    opened.close()
