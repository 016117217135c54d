"""A workspace without MLflow's store: what goes into a run needs none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mlops.workspace import Workspace


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
