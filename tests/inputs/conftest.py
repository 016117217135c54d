"""A workspace without MLflow's store: what goes into a run needs none."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mlops.workspace import Workspace

_spec = importlib.util.spec_from_file_location("trees", Path(__file__).with_name("trees.py"))
trees = importlib.util.module_from_spec(_spec)
sys.modules["trees"] = trees
_spec.loader.exec_module(trees)


@pytest.fixture(scope="session")
def blank_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog.db, made once and copied."""
    world = Workspace.open(tmp_path_factory.mktemp("blank"), create=True)
    world.catalog.last_seq()
    world.close()
    return world.root / "catalog.db"


@pytest.fixture
def workspace(tmp_path: Path, blank_catalog: Path) -> Iterator[Workspace]:
    """An open workspace in ``tmp_path``."""
    world = Workspace.open(tmp_path, create=True)
    shutil.copy(blank_catalog, world.root)
    yield world
    world.close()
